import Checkpoints
import Foundation
import Reporting
import Settings

extension Inspect {
    /// Whether `path` is a checkpoint of a run, `RUN/checkpoints/step-N`, damaged or not.
    static func isSavedState(_ path: String) -> Bool {
        let holds = { FileManager.default.fileExists(atPath: path + "/" + $0) }
        let name = (URL(fileURLWithPath: path).lastPathComponent)
        return holds("manifest.json") || holds("manifest.sha256") || (name.hasPrefix("step-") && !holds("config.json"))
    }

    func showSavedState() throws {
        let folder = CheckpointFolder(path: path)
        let manifest = try folder.manifest()
        let environment = manifest.environment
        let threads = environment.threadsPerRank == 1 ? "1 thread" : "\(environment.threadsPerRank) threads"
        try show([
            ("step", "\(manifest.step) of \(manifest.totalSteps)"),
            ("saved", manifest.saved),
            ("layout", "data \(manifest.layout.data) × tensor \(manifest.layout.tensor), zero \(manifest.layout.zero)"),
            ("size", Inspect.size(of: manifest)),
            ("data", "epoch \(manifest.epoch), \(manifest.position) records taken"),
            ("metrics", "\(manifest.metrics.rows) rows"),
            ("written by", "tandem \(environment.tandem), \(threads) a rank, \(environment.blasCore), MPI: \(environment.mpi)"),
        ])
        for input in manifest.inputs {
            for file in input.files { try Console.write("  \(input.key)  \(file.name)  \(file.bytes) bytes  \(file.sha256.prefix(16))") }
        }
        try Console.write("files")
        for file in manifest.files { try Console.write("  \(file.name)  \(file.bytes) bytes  \(file.sha256.prefix(16))") }
        guard verify else { return }
        try folder.verifyAll()
        try Console.write("every file holds the bytes that were saved")
    }

    /// Shows a line for each checkpoint of a run: its size and date, or its damage.
    ///
    /// - Throws: with `--verify` the first damage, after all checkpoints are shown.
    func showSavedStates(ofRun directory: String) throws {
        let store = CheckpointStore(runDirectory: directory)
        var damage: Failure?
        for step in store.steps {
            let folder = store.checkpoint(step: step)
            do throws(Failure) {
                let manifest = try folder.manifest()
                if verify { try folder.verifyAll() }
                let words = "\(verify ? "undamaged, " : "")\(Inspect.size(of: manifest)), saved \(manifest.saved)"
                try show([("checkpoint", "step \(step): \(words)")])
            } catch {
                damage = damage ?? error
                try show([("checkpoint", "step \(step): damaged: \(error.place): \(error.reason)")])
            }
        }
        if verify, let damage { throw damage }
    }

    private static func size(of manifest: CheckpointManifest) -> String {
        let bytes = manifest.files.reduce(0) { $0 + $1.bytes }
        return String(format: "%.1f MiB", Double(bytes) / 0x1p20) + " in \(manifest.files.count) files"
    }
}
