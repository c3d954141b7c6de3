import Checkpoints
import Collectives
import Foundation
import Runs
import Settings

/// The state of a run, read from its folder.
public struct RunStateTable {
    /// Labels and their values.
    public let entries: [(String, String)]

    /// - Throws: `Failure` (damaged data) if `status.json` is not the status of a run.
    public init(directory path: String) throws(Failure) {
        let directory = RunDirectory(path)
        guard let status = directory.status else {
            throw .damaged(
                path + "/status.json", "is not the status of a run",
                remedy: "Continue the run with --resume, which writes it again, or name another folder.")
        }
        let rows = RunTable(metricsFile: directory.metricsFile)
        let step = max(status.step, status.state == .running ? rows.lastStep ?? 0 : 0)
        guard status.state == .running else {
            var entries = [("state", status.state.rawValue), ("step", "\(step)"), ("reason", status.reason ?? "none")]
            if let time = status.time { entries.append(("ended", time + (status.host.map { " on \($0)" } ?? ""))) }
            if let code = status.exitCode { entries.append(("exit code", "\(code)")) }
            self.entries = entries
            return
        }
        let heard = [status.time, RunStateTable.lastWrite(directory.metricsFile)].compactMap(\.self).max()
        let last = ("last heard", "\(heard ?? "never")\(status.host.map { " on \($0)" } ?? "")")
        if case .process(let holder) = directory.holder {
            entries = [("state", "running\(holder.isEmpty ? "" : " (\(holder))")"), ("step", "\(step)"), last]
            return
        }
        // Other hosts may not see a lock.
        let isElsewhere = status.host.map { $0 != MPIEnvironment.hostName } ?? false
        let state = "ended without a word: status.json says running, but no process\(isElsewhere ? " of this host" : "") holds the folder's lock"
        let saved = CheckpointStore(runDirectory: path).steps.last
        let advice = saved.map { "from step \($0): tandem train \(path)/config.yaml --resume" }
        entries = [
            ("state", state), ("step", "\(step)"), last,
            ("go on", advice ?? "no checkpoint was saved: start again with tandem train \(path)/config.yaml --overwrite"),
        ]
    }

    /// When a file was last written. Nil if the file does not exist.
    private static func lastWrite(_ file: String) -> String? {
        let date = (try? FileManager.default.attributesOfItem(atPath: file))?[.modificationDate] as? Date
        return date?.iso8601
    }
}
