import Foundation

/// The reason why a run ends before its schedule.
public enum StopReason: Equatable, Sendable, CustomStringConvertible {
    case timeLimit
    /// A signal from outside, by its number.
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

    /// The code that ranks exchange; the highest one counts. A signal has priority over the time limit. 0 means no reason.
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
