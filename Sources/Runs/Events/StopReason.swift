import Foundation

/// Why a run ends before its schedule does.
public enum StopReason: Equatable, Sendable, CustomStringConvertible {
    case timeLimit
    /// Asked from outside, by a signal's number.
    case signal(Int32)

    public var description: String {
        switch self {
        case .timeLimit: "time limit"
        case .signal(SIGINT): "SIGINT"
        case .signal(SIGTERM): "SIGTERM"
        case .signal(SIGUSR1): "SIGUSR1"
        case .signal(let number): "signal \(number)"
        }
    }

    /// As ranks tell each other, who go by the highest: a signal before the time limit, and 0 for none.
    package var code: Double {
        switch self {
        case .timeLimit: 0.5
        case .signal(let number): Double(number)
        }
    }

    package init?(code: Double) {
        guard code > 0 else { return nil }
        self = code < 1 ? .timeLimit : .signal(Int32(code))
    }
}
