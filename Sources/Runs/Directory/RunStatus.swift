import Collectives
import Files
import Foundation
import JSON
import Settings

/// What a run's `status.json` says: what it is doing, or how it ended, as the process that wrote it saw it then.
public struct RunStatus: Sendable {
    public enum State: String, Sendable {
        case running, finished, preempted, failed
    }

    public let state: State
    /// The last that is done.
    public let step: Int
    public let reason: String?
    /// UTC, ISO 8601. Nil in files of earlier programs, like `host` and `exitCode`.
    public let time: String?
    /// Which wrote it.
    public let host: String?
    /// Of the job; nil while it runs, and where it is none of the known ones.
    public let exitCode: Int?

    /// Now, on this host.
    init(_ state: State, step: Int, reason: String?, exitCode: ExitCode?) {
        self.state = state
        self.step = step
        self.reason = reason
        time = Date().iso8601
        host = MPIEnvironment.hostName
        self.exitCode = exitCode.map { Int($0.rawValue) }
    }

    /// Nil where the file is not there, or is not what a run writes.
    public init?(file: String) {
        guard let fields = JSONFile.value(file).flatMap({ try? JSONFields($0) }),
            let state = (try? fields["state"] as String).flatMap(State.init), let step = try? fields["step"] as Int
        else { return nil }
        self.state = state
        self.step = step
        reason = try? fields["reason"]
        time = try? fields["time"]
        host = try? fields["host"]
        exitCode = try? fields["exit_code"]
    }

    /// As the file has it: a field without a value is null.
    var json: JSONValue {
        .fields([
            "state": state.rawValue, "step": step, "reason": reason.json, "time": time.json, "host": host.json,
            "exit_code": exitCode.json,
        ])
    }
}
