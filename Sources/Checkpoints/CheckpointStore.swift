import Collectives
import Files
import Foundation
import Hashing
import Settings

/// The checkpoints of a run: `RUN/checkpoints/step-N`. Each has a file per rank, a file of cached reference values (if there
/// are any), a manifest, and the digests of all files.
///
/// A checkpoint appears completely or not at all. Its files are written into a folder with another name, read back and brought
/// to disk. Then the manifest is written. Last, the folder gets its final name.
public struct CheckpointStore: Sendable {
    /// `RUN/checkpoints`
    public let folder: String

    public init(runDirectory: String) { self.init(folder: runDirectory + "/checkpoints") }

    init(folder: String) { self.folder = folder }

    public func path(step: Int) -> String { "\(folder)/step-\(step)" }

    public func checkpoint(step: Int) -> CheckpointFolder { CheckpointFolder(path: path(step: step)) }

    /// The steps of all checkpoints, ascending. A checkpoint may have been damaged since its save: `CheckpointFolder` checks
    /// that. A folder with only other files counts as no checkpoint.
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

    /// Begins to save this rank's shard of the state after `step` updates. Collective over `mesh`. `commit` ends the save.
    ///
    /// - Parameter tables: cached reference values, which the first rank writes. Nil if nothing is cached.
    /// - Throws: `Failure` (input/output) if the folder can't be created or the disk has no room for the files of all ranks.
    public func begin(
        _ snapshot: StateSnapshot, tables: [RecordTable]?, step: Int, mesh: Mesh
    ) throws -> BackgroundSave {
        let partial = partialPath(step: step)
        let own = ShardFile.byteCount(of: snapshot.numbers.map(\.count)) + (tables.map(RecordTableFile.byteCount) ?? 0)
        // The manifest and the digests need a little room, too.
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

    /// Waits for the files of all ranks and completes the checkpoint. Collective over `mesh`.
    ///
    /// - Parameter manifest: the manifest without its files. The manifest of the first rank is written.
    /// - Throws: the failure of any rank. The unfinished checkpoint is removed then.
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
            // The unfinished files may have filled the disk. Without them the run can still write how it ended.
            if mesh.isFirst { try? FileManager.default.removeItem(atPath: partial) }
            throw error
        }
    }

    /// Reads the tables that `manifest` names. Collective over `mesh`. Every rank gets all tables.
    public func loadTables(_ manifest: CheckpointManifest, mesh: Mesh) throws -> [RecordTable] {
        guard let count = manifest.referenceValues?.count else { return [] }
        return try mesh.agreed {
            try RecordTableFile.read(count: count, from: "\(path(step: manifest.step))/\(RecordTableFile.name)")
        }
    }

    /// Removes the folder of checkpoints if it is empty, because the first checkpoint could not be saved. Called by one rank.
    public func removeIfEmpty() { rmdir(folder) }

    /// Removes old checkpoints. Keeps the newest `count` checkpoints, checkpoints of steps that `every` divides, and
    /// checkpoints with a file that no run wrote. Called by one rank.
    public func prune(keeping count: Int, every: Int? = nil) throws(Failure) {
        for step in steps.dropLast(count) where every.map({ step % $0 != 0 }) ?? true && !checkpoint(step: step).holdsOthers {
            try writing(path(step: step)) {
                // The rename comes first: a half-removed folder is then never mistaken for a damaged checkpoint.
                try FileManager.default.moveItem(atPath: path(step: step), toPath: "\(folder)/.step-\(step).removed")
                try FileManager.default.removeItem(atPath: "\(folder)/.step-\(step).removed")
            }
        }
    }

    /// Moves the checkpoints after `step` into a new folder `set-aside-N`, with copies of the present `files`: the run
    /// continues from `step` and will compute other checkpoints. Called by one rank.
    ///
    /// - Returns: the folder and the steps in it, ascending. Nil if there are no later checkpoints.
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
            // The last checkpoint is moved first. Even if this stops half-way, the remaining checkpoints form one history.
            for step in later.reversed() { try manager.moveItem(atPath: path(step: step), toPath: "\(aside)/step-\(step)") }
            // On disk before other files, such as `metrics.jsonl`, are cut to the earlier step.
            try Disk.synchronize(aside)
            try Disk.synchronize(folder)
        }
        return (aside, later)
    }

    /// Removes half-written and half-removed checkpoints of a killed run. Called by the rank that holds the run's lock, while
    /// no save is running.
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

    /// Gives the new checkpoint its final name. A run that went back may save a step again: the earlier checkpoint of this step
    /// is removed only after the new one is in place.
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
            remedy: "Free some space, or keep fewer checkpoints with run.keep_last. Earlier checkpoints are untouched.")
    }

    private func writing(_ place: String, _ body: () throws -> Void) throws(Failure) {
        do { try body() } catch {
            throw .unwritable(place, error, remedy: "Check the free space and permissions; earlier checkpoints are untouched.")
        }
    }
}
