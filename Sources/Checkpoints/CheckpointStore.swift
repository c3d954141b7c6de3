import Collectives
import Files
import Foundation
import Hashing
import Settings

/// The checkpoints of a run: `RUN/checkpoints/step-N`, each a file a rank, one of what references said where that is cached,
/// a manifest and the digests of all of them.
///
/// One appears whole or not at all: its files are written under another name, read back, brought to the disk; then the
/// manifest; then the folder gets its name.
public struct CheckpointStore: Sendable {
    /// `RUN/checkpoints`
    public let folder: String

    public init(runDirectory: String) { self.init(folder: runDirectory + "/checkpoints") }

    init(folder: String) { self.folder = folder }

    public func path(step: Int) -> String { "\(folder)/step-\(step)" }

    public func checkpoint(step: Int) -> CheckpointFolder { CheckpointFolder(path: path(step: step)) }

    /// Steps of checkpoints, ascending. They were whole once; `CheckpointFolder` says whether they still are. A folder in which only
    /// someone's notes are left is none.
    public var steps: [Int] {
        names.compactMap { name in
            guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), step >= 0, name == "step-\(step)",
                !checkpoint(step: step).holdsOnlyOthers
            else { return nil }
            return step
        }.sorted()
    }

    private var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] }

    // MARK: Saving

    /// Begins to save this rank's part of the state after `step` updates. Collective over `mesh`; ends with `commit`.
    ///
    /// - Parameter tables: what references said, written by the first rank; nil where nothing is cached.
    /// - Throws: `Failure` (input/output) where the folder can't be made or the disk has no room for all ranks' files.
    public func begin(
        _ snapshot: StateSnapshot, tables: [RecordTable]?, step: Int, mesh: Mesh
    ) throws -> BackgroundSave {
        let partial = partialPath(step: step)
        let own = ShardFile.byteCount(of: snapshot.numbers.map(\.count)) + (tables.map(RecordTableFile.byteCount) ?? 0)
        // Manifests take a little, too.
        let needed = try Int(mesh.world.allReduce([Double(own)])[0]) + (1 << 16)
        try mesh.agreed {
            guard mesh.isFirst else { return }
            try removeLeftovers()
            try writing(partial) { try FileManager.default.createDirectory(atPath: partial, withIntermediateDirectories: true) }
            try checkRoom(for: needed, step: step)
        }
        let file = ShardFile.name(tensor: mesh.tensor.rank, data: mesh.data.rank)
        let ownTables = mesh.isFirst ? tables : nil
        return BackgroundSave(snapshot) { () throws(Failure) in
            var files = [CheckpointManifest.File(name: file, try ShardFile.write(snapshot, to: "\(partial)/\(file)"))]
            if let ownTables {
                let digest = try RecordTableFile.write(ownTables, to: "\(partial)/\(RecordTableFile.name)")
                files.append(CheckpointManifest.File(name: RecordTableFile.name, digest))
            }
            return files
        }
    }

    /// Waits for all ranks' files and makes them a checkpoint. Collective over `mesh`.
    ///
    /// - Parameter manifest: the first rank's is written, with the files in it.
    /// - Throws: what any rank failed with; nothing of the checkpoint is left then.
    public func commit(_ save: BackgroundSave, _ manifest: CheckpointManifest, mesh: Mesh) throws {
        let partial = partialPath(step: manifest.step)
        do {
            let own = try mesh.agreed { try save.files() }
            let all = try mesh.world.allGather(own)
            try mesh.agreed {
                guard mesh.isFirst else { return }
                var manifest = manifest
                manifest.files = all.flatMap { $0 }
                try writing(path(step: manifest.step)) {
                    try CheckpointFolder(path: partial).write(manifest)
                    try swap(step: manifest.step).replace(with: partial)
                }
            }
        } catch {
            // What there is of it may be what filled the disk: without it the run can still say how it ended.
            if mesh.isFirst { try? FileManager.default.removeItem(atPath: partial) }
            throw error
        }
    }

    /// Reads the tables that `manifest` names. Collective over `mesh`: every rank gets all.
    public func loadTables(_ manifest: CheckpointManifest, mesh: Mesh) throws -> [RecordTable] {
        guard let count = manifest.referenceValues?.count else { return [] }
        return try mesh.agreed {
            try RecordTableFile.read(count: count, from: "\(path(step: manifest.step))/\(RecordTableFile.name)")
        }
    }

    /// Removes the folder of checkpoints where it is empty: of a run whose first checkpoint could not be saved. Called by one rank.
    public func removeIfEmpty() { rmdir(folder) }

    /// Removes all but the newest `count` checkpoints and those of steps that `every` divides. One that holds a file which no run
    /// wrote is kept too. Called by one rank.
    public func prune(keeping count: Int, every: Int? = nil) throws(Failure) {
        for step in steps.dropLast(count) where every.map({ step % $0 != 0 }) ?? true && !checkpoint(step: step).holdsOthers {
            try writing(path(step: step)) {
                // It goes at once, so that what is left of it is never taken for a damaged one.
                try FileManager.default.moveItem(atPath: path(step: step), toPath: "\(folder)/.step-\(step).removed")
                try FileManager.default.removeItem(atPath: "\(folder)/.step-\(step).removed")
            }
        }
    }

    /// Takes the checkpoints after `step`, from where the run goes on another way, out of its history: into a new folder
    /// `set-aside-N` beside them, with copies of `files` as they are now. Called by one rank.
    ///
    /// - Returns: the folder, and the steps that are in it, ascending; nil where there are none.
    public func setAside(after step: Int, copying files: [String]) throws(Failure) -> (folder: String, steps: [Int])? {
        let later = steps.filter { $0 > step }
        guard !later.isEmpty else { return nil }
        var number = 1
        while names.contains("set-aside-\(number)") { number += 1 }
        let aside = "\(folder)/set-aside-\(number)"
        try writing(aside) {
            let manager = FileManager.default
            try manager.createDirectory(atPath: aside, withIntermediateDirectories: false)
            for file in files where manager.fileExists(atPath: file) {
                try manager.copyItem(atPath: file, toPath: "\(aside)/\((file as NSString).lastPathComponent)")
            }
            // The last one first: whenever this ends, what is left is the beginning of one history.
            for step in later.reversed() { try manager.moveItem(atPath: path(step: step), toPath: "\(aside)/step-\(step)") }
            // Before anything is cut to the earlier step.
            try Disk.synchronize(aside)
            try Disk.synchronize(folder)
        }
        return (aside, later)
    }

    /// Removes what a killed run left half-written or half-removed. Called by the rank that holds the run's lock, while no
    /// save is under way.
    public func removeLeftovers() throws(Failure) {
        for name in names {
            guard let match = name.wholeMatch(of: /\.step-([0-9]+)\.(partial|removed|replaced)/) else { continue }
            if match.2 == "replaced", let step = Int(match.1) {
                try swap(step: step).recover()
            } else {
                try writing("\(folder)/\(name)") { try FileManager.default.removeItem(atPath: "\(folder)/\(name)") }
            }
        }
    }

    private func partialPath(step: Int) -> String { "\(folder)/.step-\(step).partial" }

    /// A run that went back to an earlier step reaches steps that were saved before: the older checkpoint stands until its
    /// successor does.
    private func swap(step: Int) -> FolderSwap {
        FolderSwap(of: path(step: step), aside: "\(folder)/.step-\(step).replaced") { name, _ in CheckpointFolder.isOwn(name) }
    }

    private func checkRoom(for byteCount: Int, step: Int) throws(Failure) {
        guard let free = DiskRoom.freeByteCount(at: folder) else { return }
        guard free < Double(byteCount) else { return }
        try? FileManager.default.removeItem(atPath: partialPath(step: step))
        throw .inputOutput(
            path(step: step),
            "takes \(DiskRoom.shown(Double(byteCount))), but only \(DiskRoom.shown(free)) are free "
                + "(\(String(cString: strerror(ENOSPC))))",
            remedy: "Free some space, or keep fewer with run.keep_last; earlier checkpoints are untouched.")
    }

    private func writing(_ place: String, _ body: () throws -> Void) throws(Failure) {
        do { try body() } catch {
            throw .unwritable(place, error, remedy: "Check the free space and permissions; earlier checkpoints are untouched.")
        }
    }
}
