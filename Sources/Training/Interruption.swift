import Foundation
import Synchronization

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
    var code: Double {
        switch self {
        case .timeLimit: 0.5
        case .signal(let number): Double(number)
        }
    }

    init?(code: Double) {
        guard code > 0 else { return nil }
        self = code < 1 ? .timeLimit : .signal(Int32(code))
    }
}

/// A request from outside to stop: Ctrl-C, or a scheduler's signal. It is honoured at the next step's edge, or between two
/// micro-batches of an evaluation.
public enum Interruption {
    /// 0: none.
    private static let received = Atomic<Int32>(0)

    /// Listens to SIGINT, SIGTERM and SIGUSR1. A second Ctrl-C ends the process at once.
    public static func listen() {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGUSR1] {
            sigaddset(&signals, number)
            signal(number) { number in
                // Only what is allowed in a signal handler: an atomic store and `signal` itself.
                Interruption.received.store(number, ordering: .relaxed)
                if number == SIGINT { signal(SIGINT, SIG_DFL) }
            }
        }
        // A launcher may have started this process with signals blocked.
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    /// What this process was asked by; nil where it was not asked to stop.
    public static var request: StopReason? {
        let number = received.load(ordering: .relaxed)
        return number == 0 ? nil : .signal(number)
    }
}
