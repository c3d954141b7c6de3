import Collectives
import Foundation
import Settings
import Tensors

/// The checkpoints of a run: `RUN/checkpoints/step-N`, each a file a tensor rank, one a data rank beside it where those share
/// the optimizer's state, one of what references said where that is cached, and a manifest.
///
/// One appears whole or not at all: its files are written under another name, read back, brought to the disk; then the
/// manifest; then the folder gets its name.
public struct CheckpointStore: Sendable {
    /// `RUN/checkpoints`
    public let folder: String

    public init(runDirectory: String) { folder = runDirectory + "/checkpoints" }

    public func path(step: Int) -> String { "\(folder)/step-\(step)" }

    /// Steps of whole checkpoints, ascending.
    public var steps: [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.compactMap { name in
            guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)),
                FileManager.default.fileExists(atPath: "\(folder)/\(name)/manifest.json")
            else { return nil }
            return step
        }.sorted()
    }

    /// Saves `parts` of this rank's state. Collective over `mesh`.
    ///
    /// - Parameters:
    ///   - tables: those that `manifest.referenceValues` names, on the first rank.
    ///   - manifest: the first rank's is written.
    public func save(
        _ parts: [CheckpointPart], tables: [RecordTable] = [], manifest: CheckpointManifest, mesh: Mesh
    ) throws {
        let partial = "\(folder)/.step-\(manifest.step).partial"
        do {
            try save(parts, tables, manifest: manifest, partial: partial, mesh: mesh)
        } catch {
            // What there is of it may be what filled the disk: without it the run can still say how it ended.
            if mesh.isFirst { try? FileManager.default.removeItem(atPath: partial) }
            throw error
        }
    }

    private func save(
        _ parts: [CheckpointPart], _ tables: [RecordTable], manifest: CheckpointManifest, partial: String, mesh: Mesh
    ) throws {
        try mesh.agreed {
            guard mesh.isFirst else { return }
            try writing(partial) {
                try? FileManager.default.removeItem(atPath: partial)
                try FileManager.default.createDirectory(atPath: partial, withIntermediateDirectories: true)
            }
        }
        try mesh.agreed {
            for part in parts where mesh.data.rank == 0 || part.isOfOneDataRank {
                try ShardFile.write(part.blocks, to: "\(partial)/\(part.file)")
            }
            if mesh.isFirst, manifest.referenceValues != nil {
                try RecordTableFile.write(tables, to: RecordTableFile.path(in: partial))
            }
        }
        try mesh.agreed {
            guard mesh.isFirst else { return }
            try commit(manifest, partial: partial)
        }
    }

    /// Reads this rank's parts of step `step`. Collective over `mesh`.
    public func load(step: Int, into parts: [CheckpointPart], mesh: Mesh) throws {
        try mesh.agreed {
            for part in parts { try ShardFile.read(part.blocks, from: "\(path(step: step))/\(part.file)") }
        }
    }

    /// Reads the tables that `manifest` names. Collective over `mesh`: every rank gets all.
    public func loadTables(_ manifest: CheckpointManifest, mesh: Mesh) throws -> [RecordTable] {
        guard let count = manifest.referenceValues?.count else { return [] }
        return try mesh.agreed {
            try RecordTableFile.read(count: count, from: RecordTableFile.path(in: path(step: manifest.step)))
        }
    }

    /// Removes all but the newest `count` checkpoints. Called by one rank.
    public func prune(keeping count: Int) throws(Failure) {
        for step in steps.dropLast(count) {
            try writing(path(step: step)) {
                // The manifest first: what is left of it is then no checkpoint.
                try FileManager.default.removeItem(atPath: path(step: step) + "/manifest.json")
                try FileManager.default.removeItem(atPath: path(step: step))
            }
        }
    }

    private func commit(_ manifest: CheckpointManifest, partial: String) throws(Failure) {
        let final = path(step: manifest.step)
        try writing(final) {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            let file = partial + "/manifest.json"
            try (encoder.encode(manifest) + Data("\n".utf8)).write(to: URL(fileURLWithPath: file))
            try synchronise(file)
            try synchronise(partial)
            try? FileManager.default.removeItem(atPath: final)
            try FileManager.default.moveItem(atPath: partial, toPath: final)
            try synchronise(folder)
        }
    }

    private func writing(_ place: String, _ body: () throws -> Void) throws(Failure) {
        do { try body() } catch {
            throw .inputOutput(
                place, "can't be written (\((error as NSError).localizedDescription))",
                remedy: "Check the free space and permissions; earlier checkpoints are untouched.")
        }
    }
}

/// Brings a file's bytes, or a folder's names, to the disk.
func synchronise(_ path: String) throws {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
}
