import Checkpoints
import Collectives
import Files
import Foundation
import JSON
import Settings

/// A run's folder, written by the first rank: `config.yaml`, `provenance.json`, `status.json`, later metrics and exports.
public struct RunDirectory: Sendable {
    public let path: String

    /// The process that uses a run's folder.
    public enum Holder: Equatable, Sendable {
        case nobody
        /// The process's own text in the lock: `process 12 on node1 since 2026-12-01T10:51:28Z`.
        case process(String)
    }

    public init(_ path: String) { self.path = path }

    public var metricsFile: String { path + "/metrics.jsonl" }
    /// Nil if there is no status, or a damaged one.
    public var status: RunStatus? { RunStatus(file: path + "/status.json") }
    public var exportFolder: String { path + "/export" }
    /// The export of step `step` during the run.
    public func exportFolder(step: Int) -> String { path + "/export-step-\(step)" }

    /// Prepares the folder for a new run.
    ///
    /// - Parameter overwrite: whether to remove an earlier run's files. Without it a folder with a run is refused.
    public func prepare(overwrite: Bool) throws(Failure) {
        let found = earlierFiles
        guard found.isEmpty || overwrite else {
            throw .configuration(
                "run.directory = \(path)", "already holds a run (\(found[0]))",
                remedy: remedyForEarlierRun)
        }
        try RunDirectory.writing(path) {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            for name in found { try removeOwn(name) }
        }
    }

    /// Refuses a folder that can't be a run's folder or that another run uses. For a new run, also refuses a folder with an
    /// earlier run. Writes nothing: called before anything is loaded.
    ///
    /// - Throws: `Failure`: try again, input/output, or configuration.
    public func checkFree(for start: Start) throws(Failure) {
        try checkIsRunFolder()
        try RunLock.checkFree(path)
        let found = earlierFiles
        guard let first = found.first else { return }
        // In a run's folder, files with a run's names belong to the run, damaged ones too.
        if start != .overwriting, !holdsRun, let foreign = found.first(where: { !isOwn($0) }) {
            throw .configuration(
                place, "holds \(foreign), which no run wrote",
                remedy: "Choose another directory, move it away, or let the run replace it with --overwrite.")
        }
        guard start == .new else { return }
        throw .configuration(
            place, "already holds a run (\(first))", remedy: remedyForEarlierRun)
    }

    /// Names `--resume` only if there is a checkpoint.
    private var remedyForEarlierRun: String {
        let steps = CheckpointStore(runDirectory: path).steps
        return steps.isEmpty
            ? "That run saved no checkpoint: replace it with --overwrite, or choose another directory."
            : "Go on from step \(steps.last!) with --resume, replace that run with --overwrite, or choose another directory."
    }

    /// The process that trains in this folder, as far as this host can see.
    public var holder: Holder { RunLock.holder(of: path) }

    /// Refuses to replace the run's own inputs, for example a checkpoint under the folder's `export`. The configuration may
    /// be the `config.yaml` that a run wrote there itself: it is written again.
    ///
    /// - Parameter inputs: files and folders.
    public func checkNotRead(as inputs: [String]) throws(Failure) {
        for name in earlierFiles {
            let file = "\(path)/\(name)"
            guard let own = realPath(file), let status = FileStatus(file) else { continue }
            let input = inputs.first { input in
                if !status.isFolder { return FileStatus(input).map(status.isSameFile) ?? false }
                return realPath(input).map { ($0 + "/").hasPrefix(own + "/") } ?? false
            }
            let isConfiguration = name == RunDirectory.configurationName
            guard let input, !isConfiguration || !isOwn(name) else { continue }
            throw .configuration(
                place, "the run would replace \(input), which it reads",
                remedy: isConfiguration ? "Name a copy of it elsewhere, or choose another directory." : "Choose another directory.")
        }
    }

    /// The checkpoints visible on this rank's node. A run can resume only from a checkpoint that all nodes see.
    public func checkpointFact() -> SharedFact {
        let steps = CheckpointStore(runDirectory: path).steps
        let there = steps.isEmpty ? "no checkpoint" : "checkpoints of steps \(steps.map(String.init).joined(separator: ", "))"
        return SharedFact(
            "checkpoints", "\(there) in \(path)", remedy: "Keep run.directory on a file system that all nodes share.",
            exitCode: .missingInput)
    }

    /// Creates the folder if it is missing, and locks it for this process. If the file system has no locks, calls `notice`
    /// and returns nil.
    ///
    /// - Throws: `Failure`: try again if another run has the lock.
    package func lock(notice: (String) throws(Failure) -> Void) throws(Failure) -> RunLock? {
        try RunDirectory.writing(path) {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        switch try RunLock.take(in: path) {
        case .held(let lock): return lock
        case .unsupported(let reason):
            try notice("\(path) can't be locked (\(reason)): make sure that no other run uses it")
            return nil
        }
    }

    package var exists: Bool { FileManager.default.fileExists(atPath: path) }

    /// Removes a folder that holds nothing but this run's lock.
    package func removeIfUnused() {
        guard (try? FileManager.default.contentsOfDirectory(atPath: path)) == ["lock"] else { return }
        unlink(path + "/lock")
        rmdir(path)
    }

    /// Bytes and rows of the metrics file. Counts on from `known`.
    package func metricsPosition(since known: MetricsPosition) throws(Failure) -> MetricsPosition {
        guard FileManager.default.fileExists(atPath: metricsFile) else { return MetricsPosition(bytes: 0, rows: 0) }
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: metricsFile))
            defer { try? file.close() }
            // A shorter file was replaced by somebody: it is counted from its beginning.
            let known = try file.seekToEnd() < known.bytes ? MetricsPosition(bytes: 0, rows: 0) : known
            try file.seek(toOffset: UInt64(known.bytes))
            let rest = try file.readToEnd() ?? Data()
            // Metrics counted by a checkpoint must be on the disk before the checkpoint.
            try file.synchronize()
            return MetricsPosition(bytes: known.bytes + rest.count, rows: known.rows + rest.count(where: { $0 == 0x0A }))
        } catch {
            throw .inputOutput(metricsFile, "can't be read (\((error as NSError).localizedDescription))", remedy: "Check its permissions.")
        }
    }

    /// Brings `metrics.jsonl` back to a checkpoint's step. Called by the first rank.
    ///
    /// If the file begins with its content at the checkpoint, its writer later cuts it there. Otherwise the file is
    /// rewritten: rows up to the step stay, and lines that are not rows move to `metrics.jsonl.unreadable`.
    ///
    /// - Returns: the position after the kept rows, and a notice for the user; nil if the file was not changed.
    package func takeUpMetrics(_ manifest: CheckpointManifest) throws(Failure) -> (position: MetricsPosition, notice: String?) {
        let position = MetricsPosition(bytes: manifest.metrics.bytes, rows: manifest.metrics.rows)
        if hasMetrics(position) { return (position, nil) }
        let isThere = FileManager.default.fileExists(atPath: metricsFile)
        var content = Data()
        if isThere {
            do { content = try Data(contentsOf: URL(fileURLWithPath: metricsFile)) } catch {
                throw .inputOutput(
                    metricsFile, "can't be read (\((error as NSError).localizedDescription))", remedy: "Check its permissions.")
            }
        }
        let history = MetricsHistory(content, upTo: manifest)
        try RunDirectory.writing(metricsFile) {
            if !history.unreadable.isEmpty { try append(history.unreadable, to: metricsFile + ".unreadable") }
            try TemporaryFile.write(history.kept, to: metricsFile)
        }
        var notice = isThere ? "\(metricsFile) was changed since step \(manifest.step)" : "\(metricsFile) is not there"
        notice += history.missing.map { ": it lacks the rows \($0). The run goes on without them" } ?? ", but no row is missing"
        if !history.unreadable.isEmpty { notice += "; lines that are not rows are now in \(metricsFile).unreadable" }
        return (MetricsPosition(bytes: history.kept.count, rows: history.rowCount), notice)
    }

    /// Whether `metrics.jsonl` begins with this number of bytes and rows.
    private func hasMetrics(_ position: MetricsPosition) -> Bool {
        guard position.bytes > 0 else { return true }
        let rows = try? FileHandle(forReadingFrom: URL(fileURLWithPath: metricsFile))
        defer { try? rows?.close() }
        guard let rows, let kept = try? rows.read(upToCount: position.bytes) else { return false }
        return kept.count == position.bytes && kept.last == 0x0A && kept.count(where: { $0 == 0x0A }) == position.rows
    }

    private func append(_ data: Data, to file: String) throws {
        if !FileManager.default.fileExists(atPath: file) { try Data().write(to: URL(fileURLWithPath: file)) }
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
        try handle.seekToEnd()
        try handle.write(contentsOf: data)
        try handle.close()
    }

    /// Refuses to start a finished run again: `--resume` must not remove its export.
    ///
    /// - Throws: `Failure`: configuration.
    package func checkNotFinished() throws(Failure) {
        guard status?.state == .finished else { return }
        throw .configuration(
            "run.directory = \(path)", "holds a finished run, and no checkpoint to go on from",
            remedy: "Replace that run with --overwrite, or choose another directory.")
    }

    /// Records that the run has failed, if its status still says running and no process holds its lock: a killed job can't
    /// write this itself. Keeps the step.
    ///
    /// - Returns: whether the status was changed.
    public func markFailed(_ reason: String, exitCode: ExitCode?) throws(Failure) -> Bool {
        // The last process of the job may still be ending.
        for attempt in 0..<50 {
            do throws(Failure) {
                try RunLock.checkFree(path)
                break
            } catch {
                guard attempt < 49 else { return false }
                usleep(100_000)
            }
        }
        guard let status, status.state == .running else { return false }
        try write(.failed, step: status.step, reason: reason, exitCode: exitCode)
        return true
    }

    /// Replaces `status.json` atomically: what the run is doing or how it ended, as this process sees it now.
    ///
    /// - Parameters:
    ///   - step: the last step done.
    ///   - exitCode: the job's exit code; nil while it runs.
    public func write(_ state: RunStatus.State, step: Int, reason: String? = nil, exitCode: ExitCode? = nil) throws(Failure) {
        RunDirectory.statusLock.lock()
        defer { RunDirectory.statusLock.unlock() }
        // While the run goes on, nobody waits for the disk with the lock in hand: the last status might come too late.
        let status = RunStatus(state, step: step, reason: reason, exitCode: exitCode)
        try replaceStatus(status, waitsForDisk: state != .running)
    }

    /// Writes the last status of this process. Never unlocks, so no other thread writes after it. Does not flush the file
    /// to the disk first: with a busy disk this takes seconds, and the end of the process does not wait for it.
    package func writeLast(_ state: RunStatus.State, step: Int, reason: String, exitCode: ExitCode) throws(Failure) {
        RunDirectory.statusLock.lock()
        try replaceStatus(RunStatus(state, step: step, reason: reason, exitCode: exitCode), waitsForDisk: false)
    }

    /// The watchdog's thread and the main one may write at the same time.
    private static let statusLock = NSLock()

    private func replaceStatus(_ status: RunStatus, waitsForDisk: Bool) throws(Failure) {
        let content = RunDirectory.content(status.json)
        do throws(Failure) {
            try TemporaryFile.write(content, to: path + "/status.json", waitsForDisk: waitsForDisk)
        } catch {
            guard status.state == .failed else { throw error }
            try overwriteStatus(content)
        }
    }

    /// On a full disk there is no room for another file, but the existing file has room in its block of 4 KiB.
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
        try TemporaryFile.write(configuration.resolvedYAML().utf8, to: "\(path)/\(RunDirectory.configurationName)")
    }

    public func write(_ provenance: Provenance) throws(Failure) {
        try TemporaryFile.write(RunDirectory.content(provenance.json), to: "\(path)/provenance.json")
    }

    private static func content(_ json: JSONValue) -> Data { Data((json.indented + "\n").utf8) }

    static func writing(_ place: String, _ body: () throws -> Void) throws(Failure) {
        do { try body() } catch {
            throw .unwritable(place, error, remedy: "Check the path, its permissions and the free space.")
        }
    }
}
