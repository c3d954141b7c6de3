import Foundation
import Runs
import Synchronization

/// A request from outside to stop: Ctrl-C, or a scheduler's signal. The run stops at the end of the step, or between two
/// micro-batches of an evaluation.
public enum Interruption {
    /// The signal's number; 0 for none.
    private static let received = Atomic<Int32>(0)

    /// Listens to SIGINT, SIGTERM and SIGUSR1. A second Ctrl-C ends the process at once.
    public static func listen() {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGUSR1] {
            sigaddset(&signals, number)
            signal(number) { number in
                // A signal handler may only do this: an atomic store and `signal` itself.
                Interruption.received.store(number, ordering: .relaxed)
                if number == SIGINT { signal(SIGINT, SIG_DFL) }
            }
        }
        // A launcher may have started this process with signals blocked.
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    /// The signal that asked this process to stop; nil if there was none.
    public static var request: StopReason? {
        let number = received.load(ordering: .relaxed)
        return number == 0 ? nil : .signal(number)
    }
}
