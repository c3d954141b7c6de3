import Checkpoints
import Collectives
import Files
import Foundation
import JSON
import Settings

/// A run's folder, as the first rank keeps it: `config.yaml`, `provenance.json`, `status.json`; metrics and exports join them.
public struct RunDirectory: Sendable {
    public let path: String

    /// Who has a run's folder.
    public enum Holder: Equatable, Sendable {
        case nobody
        /// As the process signed itself: `process 12 on node1 since 2026-12-01T10:51:28Z`.
        case process(String)
    }

    public init(_ path: String) { self.path = path }

    public var metricsFile: String { path + "/metrics.jsonl" }
    /// Nil where there is no status, or a damaged one.
    public var status: RunStatus? { RunStatus(file: path + "/status.json") }
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
                remedy: remedyForEarlierRun)
        }
        try RunDirectory.writing(path) {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            for name in found { try removeOwn(name) }
        }
    }

    /// Refuses a folder that is no run's, that another run is using, or, where it is to be a new run's, that holds an earlier
    /// one. Nothing is written: asked before anything was loaded.
    ///
    /// - Throws: `Failure`: try again, input/output, or configuration.
    public func checkFree(for start: Start) throws(Failure) {
        try checkIsRunFolder()
        try RunLock.checkFree(path)
        let found = earlierFiles
        guard let first = found.first else { return }
        // Where a run is, files of its names are its own, damaged ones too.
        if start != .overwriting, !holdsRun, let foreign = found.first(where: { !isOwn($0) }) {
            throw .configuration(
                place, "holds \(foreign), which is not a run's own",
                remedy: "Choose another directory, move it away, or let the run replace it with --overwrite.")
        }
        guard start == .new else { return }
        throw .configuration(
            place, "already holds a run (\(first))", remedy: remedyForEarlierRun)
    }

    /// `--resume` only where it has something to go on from.
    private var remedyForEarlierRun: String {
        let steps = CheckpointStore(runDirectory: path).steps
        return steps.isEmpty
            ? "Replace that run, of which no checkpoint was saved, with --overwrite, or choose another directory."
            : "Go on from step \(steps.last!) with --resume, replace that run with --overwrite, or choose another directory."
    }

    /// Who is training in this folder, as far as this host can see.
    public var holder: Holder { RunLock.holder(of: path) }

    /// Refuses to replace what the run reads: a checkpoint under the folder's `export`, for instance. The configuration may be the
    /// `config.yaml` that a run wrote there itself: it is written again.
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

    /// The checkpoints that this rank's node sees: a run goes on from one that all nodes see.
    public func checkpointFact() -> SharedFact {
        let steps = CheckpointStore(runDirectory: path).steps
        let there = steps.isEmpty ? "no checkpoint" : "checkpoints of steps \(steps.map(String.init).joined(separator: ", "))"
        return SharedFact(
            "checkpoints", "\(there) in \(path)", remedy: "Keep run.directory on a file system that all nodes share.",
            exitCode: .missingInput)
    }

    /// Makes the folder where it is not there, and takes it for this process alone; nil where the file system has no locks,
    /// of which `notice` hears.
    ///
    /// - Throws: `Failure`: try again where another run has it.
    package func lock(notice: (String) throws(Failure) -> Void) throws(Failure) -> RunLock? {
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

    package var exists: Bool { FileManager.default.fileExists(atPath: path) }

    /// Removes a folder that holds nothing but this run's lock.
    package func removeIfUnused() {
        guard (try? FileManager.default.contentsOfDirectory(atPath: path)) == ["lock"] else { return }
        unlink(path + "/lock")
        rmdir(path)
    }

    /// How much there is of the metrics, counting on from what was counted before.
    package func metricsPosition(since known: MetricsPosition) throws(Failure) -> MetricsPosition {
        guard FileManager.default.fileExists(atPath: metricsFile) else { return MetricsPosition(bytes: 0, rows: 0) }
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: metricsFile))
            defer { try? file.close() }
            // A file that somebody removed meanwhile begins anew, and is counted anew.
            let known = try file.seekToEnd() < known.bytes ? MetricsPosition(bytes: 0, rows: 0) : known
            try file.seek(toOffset: UInt64(known.bytes))
            let rest = try file.readToEnd() ?? Data()
            // What a checkpoint counts on is on the disk before it.
            try file.synchronize()
            return MetricsPosition(bytes: known.bytes + rest.count, rows: known.rows + rest.count(where: { $0 == 0x0A }))
        } catch {
            throw .inputOutput(metricsFile, "can't be read (\((error as NSError).localizedDescription))", remedy: "Check its permissions.")
        }
    }

    /// Brings `metrics.jsonl` back to a checkpoint's step. Called by the first rank.
    ///
    /// Where the file begins with what it held at the checkpoint, it is cut there by whoever writes it. Otherwise it is
    /// rewritten: rows up to the step stay, and lines that are no rows move to `metrics.jsonl.unreadable`.
    ///
    /// - Returns: how much there is of it then, and what a person should know of it; nil where nothing is missing.
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
        notice += history.missing.map { ": it lacks the rows \($0). The run goes on without them" } ?? ", and lacks no row"
        if !history.unreadable.isEmpty { notice += "; lines that are no rows are now in \(metricsFile).unreadable" }
        return (MetricsPosition(bytes: history.kept.count, rows: history.rowCount), notice)
    }

    /// Whether `metrics.jsonl` begins with as many bytes and rows.
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

    /// Refuses to begin a run again that has been finished: `--resume` must not cost its export.
    ///
    /// - Throws: `Failure`: configuration.
    package func checkNotFinished() throws(Failure) {
        guard status?.state == .finished else { return }
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
        guard let status, status.state == .running else { return false }
        try write(.failed, step: status.step, reason: reason, exitCode: exitCode)
        return true
    }

    /// Replaces `status.json` whole: what the run is doing, or how it ended, as this process sees it now.
    ///
    /// - Parameters:
    ///   - step: the last that is done.
    ///   - exitCode: of the job; nil while it runs.
    public func write(_ state: RunStatus.State, step: Int, reason: String? = nil, exitCode: ExitCode? = nil) throws(Failure) {
        RunDirectory.statusLock.lock()
        defer { RunDirectory.statusLock.unlock() }
        try replaceStatus(RunStatus(state, step: step, reason: reason, exitCode: exitCode))
    }

    /// The same as this process's last word: whoever would write after it waits for the process's end, which doesn't wait for
    /// the disk. A busy one takes seconds to be sure of a file.
    package func writeLast(_ state: RunStatus.State, step: Int, reason: String, exitCode: ExitCode) throws(Failure) {
        RunDirectory.statusLock.lock()
        let last = RunStatus(state, step: step, reason: reason, exitCode: exitCode)
        let temporary = "\(path)/.status-\(getpid())"
        let isReplaced =
            (try? RunDirectory.content(last.json).write(to: URL(fileURLWithPath: temporary))) != nil
            && rename(temporary, path + "/status.json") == 0
        if isReplaced { return }
        unlink(temporary)
        try replaceStatus(last)
    }

    /// The watchdog's thread and the main one may write at the same time.
    private static let statusLock = NSLock()

    private func replaceStatus(_ status: RunStatus) throws(Failure) {
        let content = RunDirectory.content(status.json)
        do throws(Failure) { try TemporaryFile.write(content, to: path + "/status.json") } catch {
            guard status.state == .failed else { throw error }
            try overwriteStatus(content)
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
