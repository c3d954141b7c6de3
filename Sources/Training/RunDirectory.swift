import Checkpoints
import Collectives
import Foundation
import Settings

/// A run's folder, as the first rank keeps it: `config.yaml`, `provenance.json`, `status.json`; metrics and exports join them.
public struct RunDirectory: Sendable {
    public let path: String

    public enum State: String, Sendable {
        case running, finished, preempted, failed
    }

    /// Files and folders that belong to a run. Nothing else is ever removed.
    private static let ownFiles = [
        "metrics.jsonl", "status.json", "config.yaml", "provenance.json", "export", "export-projections.safetensors",
        "checkpoints", "dumps",
    ]

    public init(_ path: String) { self.path = path }

    public var metricsFile: String { path + "/metrics.jsonl" }
    public var exportFolder: String { path + "/export" }
    /// An export of step `step`, while the run goes on.
    public func exportFolder(step: Int) -> String { path + "/export-step-\(step)" }

    /// Makes the folder ready for a new run.
    ///
    /// - Parameter overwrite: an earlier run's files are removed; without it a folder that holds a run is refused.
    public func prepare(overwrite: Bool) throws(Failure) {
        let found = earlierFiles
        guard found.isEmpty || overwrite else {
            throw .configuration(
                "run.directory = \(path)", "already holds a run (\(found[0]))",
                remedy: "Go on with --resume, replace that run with --overwrite, or choose another directory.")
        }
        try RunDirectory.writing(path) {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            for file in found { try FileManager.default.removeItem(atPath: "\(path)/\(file)") }
        }
    }

    /// Refuses a folder that another run is using, or, where it is to be a new run's, that holds an earlier one. Nothing is
    /// written: asked before anything was loaded.
    ///
    /// - Throws: `Failure`: try again, or configuration.
    public func checkFree(forNewRun isNew: Bool) throws(Failure) {
        try RunLock.checkFree(path)
        guard isNew else { return }
        guard let first = earlierFiles.first else { return }
        throw .configuration(
            "run.directory = \(path)", "already holds a run (\(first))",
            remedy: "Go on with --resume, replace that run with --overwrite, or choose another directory.")
    }

    /// Refuses to replace a run that the new one reads from: a checkpoint under its `export`, for instance.
    ///
    /// - Parameter inputs: files and folders.
    public func checkNotRead(as inputs: [String]) throws(Failure) {
        let own = earlierFiles.map { RunDirectory.resolved("\(path)/\($0)") }
        guard let input = inputs.first(where: { input in
            own.contains { (RunDirectory.resolved(input) + "/").hasPrefix($0 + "/") }
        }) else { return }
        throw .configuration(
            "run.directory = \(path)", "--overwrite would remove \(input), which this run reads",
            remedy: "Choose another directory.")
    }

    /// The checkpoints that this rank's node sees: a run goes on from one that all nodes see.
    public func checkpointFact() -> SharedFact {
        let steps = CheckpointStore(runDirectory: path).steps
        let there = steps.isEmpty ? "no checkpoint" : "checkpoints of steps \(steps.map(String.init).joined(separator: ", "))"
        return SharedFact(
            "checkpoints", "\(there) in \(path)", remedy: "Keep run.directory on a file system that all nodes share.",
            exitCode: .missingInput)
    }

    private static func resolved(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }

    private var earlierFiles: [String] {
        let present = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return present.filter { RunDirectory.ownFiles.contains($0) || $0.hasPrefix("export-step-") }.sorted()
    }

    /// Makes the folder where it is not there, and takes it for this process alone; nil where the file system has no locks,
    /// of which `notice` hears.
    ///
    /// - Throws: `Failure`: try again where another run has it.
    func lock(notice: (String) throws(Failure) -> Void) throws(Failure) -> RunLock? {
        try RunDirectory.writing(path) {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        switch try RunLock.take(in: path) {
        case .held(let lock): return lock
        case .unsupported(let reason):
            try notice("\(path) can't be locked (\(reason)): take care that no other run uses it")
            return nil
        }
    }

    var exists: Bool { FileManager.default.fileExists(atPath: path) }

    /// Removes a folder that holds nothing but this run's lock.
    func removeIfUnused() {
        guard (try? FileManager.default.contentsOfDirectory(atPath: path)) == ["lock"] else { return }
        unlink(path + "/lock")
        rmdir(path)
    }

    /// How much there is of the metrics, counting on from what was counted before.
    func metricsPosition(since known: MetricsPosition) throws(Failure) -> MetricsPosition {
        guard FileManager.default.fileExists(atPath: metricsFile) else { return MetricsPosition(bytes: 0, rows: 0) }
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: metricsFile))
            defer { try? file.close() }
            try file.seek(toOffset: UInt64(known.bytes))
            let rest = try file.readToEnd() ?? Data()
            // What a checkpoint counts on is on the disk before it.
            try file.synchronize()
            return MetricsPosition(bytes: known.bytes + rest.count, rows: known.rows + rest.count(where: { $0 == 0x0A }))
        } catch {
            throw .inputOutput(metricsFile, "can't be read (\((error as NSError).localizedDescription))", remedy: "Check its permissions.")
        }
    }

    /// Refuses metrics that don't begin with what they held at a checkpoint.
    ///
    /// - Throws: `Failure`: damaged data.
    func checkMetrics(_ position: CheckpointManifest.MetricsPosition) throws(Failure) {
        guard position.bytes > 0 else { return }
        let rows = try? FileHandle(forReadingFrom: URL(fileURLWithPath: metricsFile))
        defer { try? rows?.close() }
        guard let rows, let size = try? rows.seekToEnd(), size >= position.bytes, (try? rows.seek(toOffset: 0)) != nil,
            let kept = try? rows.read(upToCount: position.bytes), kept.count == position.bytes, kept.last == 0x0A,
            kept.count(where: { $0 == 0x0A }) == position.rows
        else {
            throw .damaged(
                metricsFile, "does not hold the \(position.rows) rows that it had at the checkpoint",
                remedy: "Put the run's metrics back, or start a new run.")
        }
    }

    /// Refuses to begin a run again that has been finished: `--resume` must not cost its export.
    ///
    /// - Throws: `Failure`: configuration.
    func checkNotFinished() throws(Failure) {
        guard let bytes = FileManager.default.contents(atPath: path + "/status.json"),
            let status = try? JSONSerialization.jsonObject(with: bytes) as? [String: Any],
            status["state"] as? String == State.finished.rawValue
        else { return }
        throw .configuration(
            "run.directory = \(path)", "holds a finished run, and no checkpoint to go on from",
            remedy: "Replace that run with --overwrite, or choose another directory.")
    }

    /// Writes down that the run has failed, where its status still says that it runs and nobody has it: a job that was killed
    /// says nothing itself. The step stays.
    ///
    /// - Returns: whether there was anything to write down.
    public func markFailed(_ reason: String, exitCode: ExitCode?) throws(Failure) -> Bool {
        // The last of the job's processes may be going.
        for attempt in 0..<50 {
            do throws(Failure) {
                try RunLock.checkFree(path)
                break
            } catch {
                guard attempt < 49 else { return false }
                usleep(100_000)
            }
        }
        guard let bytes = FileManager.default.contents(atPath: path + "/status.json"),
            let status = try? JSONSerialization.jsonObject(with: bytes) as? [String: Any],
            status["state"] as? String == State.running.rawValue
        else { return false }
        try write(.failed, step: status["step"] as? Int ?? 0, reason: reason, exitCode: exitCode)
        return true
    }

    /// Replaces `status.json` whole.
    ///
    /// - Parameter exitCode: of the job; nil while it runs, and where it is none of the known ones.
    public func write(_ state: State, step: Int, reason: String? = nil, exitCode: ExitCode? = nil) throws(Failure) {
        let object: [String: Any] = [
            "state": state.rawValue, "step": step, "reason": reason ?? NSNull(), "time": ISO8601DateFormatter().string(from: Date()),
            "host": MPIEnvironment.hostName, "exit_code": exitCode?.rawValue ?? NSNull(),
        ]
        do { try write(json: object, to: "status.json") } catch {
            guard state == .failed, let data = try? RunDirectory.json(object) else { throw error }
            try overwriteStatus(data)
        }
    }

    /// Where a full disk has no room for another file, the one that is there has: of its block of 4 KiB.
    private func overwriteStatus(_ data: Data) throws(Failure) {
        let file = path + "/status.json"
        try RunDirectory.writing(file) {
            let handle = try FileHandle(forUpdating: URL(fileURLWithPath: file))
            try handle.write(contentsOf: data)
            try handle.truncate(atOffset: UInt64(data.count))
            try handle.close()
        }
    }

    public func write(_ configuration: RunConfiguration) throws(Failure) {
        let text = configuration.resolvedYAML()
        let file = path + "/config.yaml"
        try RunDirectory.writing(file) { try Data(text.utf8).write(to: URL(fileURLWithPath: file), options: .atomic) }
    }

    public func write(_ provenance: Provenance) throws(Failure) {
        try write(json: provenance.object, to: "provenance.json")
    }

    private func write(json object: [String: Any], to name: String) throws(Failure) {
        let file = "\(path)/\(name)"
        try RunDirectory.writing(file) {
            try RunDirectory.json(object).write(to: URL(fileURLWithPath: file), options: .atomic)
        }
    }

    private static func json(_ object: [String: Any]) throws -> Data {
        let options: JSONSerialization.WritingOptions = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try JSONSerialization.data(withJSONObject: object, options: options) + Data("\n".utf8)
    }

    private static func writing(_ place: String, _ body: () throws -> Void) throws(Failure) {
        do { try body() } catch {
            throw .unwritable(place, error, remedy: "Check the path, its permissions and the free space.")
        }
    }
}
