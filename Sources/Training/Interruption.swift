import Foundation
import Runs
import Synchronization

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
