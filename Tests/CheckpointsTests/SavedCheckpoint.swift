import Checkpoints
import Collectives
import Foundation
import Settings
import Tensors
import TestSupport

/// A checkpoint of one rank's made-up state: two parameters and a gap between them.
struct SavedCheckpoint {
    let folder = TemporaryFolder()
    let values: Matrix
    let store: CheckpointStore

    static let parameters = [
        CheckpointManifest.Parameter(name: "first", shape: [3, 5], rows: 0..<3, columns: 0..<5, offset: 0),
        CheckpointManifest.Parameter(name: "second", shape: [1, 7], rows: 0..<1, columns: 0..<7, offset: 16),
    ]

    static func manifest(step: Int = 4) -> CheckpointManifest {
        CheckpointManifest(
            step: step, totalSteps: 9, epoch: 1, position: 2, seed: 17, layout: .init(.single, zero: 0), settings: "run: {}",
            metrics: .init(bytes: 0, rows: 0), blocks: [.init(tensor: 0, count: 32, parameters: parameters)],
            shards: [.init(tensor: 0, data: 0, ranges: [0..<10, 10..<32])],
            environment: .init(
                ranks: 1, threadsPerRank: 1, blasCore: "Zen", mpi: "none", collectives: [:], tandem: "0",
                program: String(repeating: "0", count: 64)))
    }

    init(steps: [Int] = [4], tables: [RecordTable]? = nil) throws {
        values = Matrix(rowCount: 1, columnCount: 32, values: (0..<32).map { Float($0) + 0.25 })
        store = CheckpointStore(runDirectory: folder.path)
        for step in steps { try save(step: step, tables: tables) }
    }

    var checkpoint: CheckpointFolder { store.checkpoint(step: 4) }

    func save(step: Int, tables: [RecordTable]? = nil) throws {
        let mesh = Mesh.solo()
        let numbers = ["values", "first_moments", "second_moments"].map { SavedNumbers($0, of: values, ranges: [0..<10, 10..<32]) }
        let save = try store.begin(StateSnapshot(numbers), tables: tables, step: step, mesh: mesh)
        var manifest = SavedCheckpoint.manifest(step: step)
        if tables != nil { manifest.referenceValues = [.init(reference: "sft", dataset: "train", fingerprint: "1")] }
        try store.commit(save, manifest, mesh: mesh)
    }
}

/// The failure that `body` throws.
func failure(_ body: () throws -> Void) -> Failure? {
    do { try body() } catch { return error as? Failure ?? (error as? AgreedFailure)?.failure }
    return nil
}
