import Foundation
import Synchronization

/// A request from outside to stop: Ctrl-C, or a scheduler's signal. It is honoured at the next step's edge.
public enum Interruption {
    private static let requested = Atomic<Bool>(false)

    /// Listens to SIGINT, SIGTERM and SIGUSR1. A second Ctrl-C ends the process at once.
    public static func listen() {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGUSR1] {
            sigaddset(&signals, number)
            signal(number) { received in
                // Only what is allowed in a signal handler: an atomic store and `signal` itself.
                Interruption.requested.store(true, ordering: .relaxed)
                if received == SIGINT { signal(SIGINT, SIG_DFL) }
            }
        }
        // A launcher may have started this process with signals blocked.
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    public static var isRequested: Bool { requested.load(ordering: .relaxed) }
}
