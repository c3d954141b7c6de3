import Foundation

/// The state of a process of this node, as the system reports it.
enum ProcessState: Equatable, Sendable {
    case running
    /// Stopped by a signal or a debugger.
    case stopped
    /// Waits for a disk or a network file system and takes no signal.
    case waitingForDisk
    /// Ended. How is known only until the launcher has read the exit status.
    case dead(HowItEnded?)

    enum HowItEnded: Equatable, Sendable {
        case signal(Int)
        case code(Int)
    }

    /// Read from `/proc`.
    static func of(_ process: Int32) -> ProcessState {
        guard let file = FileHandle(forReadingAtPath: "/proc/\(process)/stat"), let bytes = try? file.readToEnd(),
            // The name, in parentheses, may contain any character.
            let end = bytes.lastIndex(of: UInt8(ascii: ")"))
        else { return .dead(nil) }
        return parsed(String(decoding: bytes[(end + 1)...], as: UTF8.self).split { " \n".contains($0) }.map(String.init))
    }

    /// - Parameter fields: the fields of `/proc/PID/stat` from the third on: see proc(5).
    static func parsed(_ fields: [String]) -> ProcessState {
        switch fields.first {
        case "T", "t": return .stopped
        case "D": return .waitingForDisk
        case "Z", "X":
            guard fields.count > 49, let status = Int(fields[49]) else { return .dead(nil) }
            return .dead(status & 0x7F != 0 ? .signal(status & 0x7F) : .code(status >> 8 & 0xFF))
        default: return .running
        }
    }

    /// The state as shown in a table.
    var word: String {
        switch self {
        case .running: "runs"
        case .stopped: "stopped"
        case .waitingForDisk: "disk wait"
        case .dead: "dead"
        }
    }

    /// SIGKILL for 9.
    static func signalName(_ number: Int) -> String {
        let names = [
            SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP", SIGABRT: "SIGABRT",
            SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGUSR1: "SIGUSR1", SIGSEGV: "SIGSEGV",
            SIGUSR2: "SIGUSR2", SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM", SIGXCPU: "SIGXCPU",
        ]
        return names[Int32(number)] ?? "signal \(number)"
    }
}
