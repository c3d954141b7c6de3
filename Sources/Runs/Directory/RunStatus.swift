import Collectives
import Files
import Foundation
import JSON
import Settings

/// A run's `status.json`: what the run is doing or how it ended, as seen by the process that wrote it.
public struct RunStatus: Sendable {
    public enum State: String, Sendable {
        case running, finished, preempted, failed
    }

    public let state: State
    /// The last step done.
    public let step: Int
    public let reason: String?
    /// UTC, ISO 8601. Nil in files of earlier programs, like `host` and `exitCode`.
    public let time: String?
    /// The host that wrote the status.
    public let host: String?
    /// The job's exit code. Nil while the job runs, and if the code is not a known one.
    public let exitCode: Int?

    /// The status at this moment, on this host.
    init(_ state: State, step: Int, reason: String?, exitCode: ExitCode?) {
        self.state = state
        self.step = step
        self.reason = reason
        time = Date().iso8601
        host = MPIEnvironment.hostName
        self.exitCode = exitCode.map { Int($0.rawValue) }
    }

    /// Nil if the file does not exist or is not a run's status.
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

    /// The content of the file.
    var json: JSONValue {
        .fields([
            "state": state.rawValue, "step": step, "reason": reason.json, "time": time.json, "host": host.json,
            "exit_code": exitCode.json,
        ])
    }
}
