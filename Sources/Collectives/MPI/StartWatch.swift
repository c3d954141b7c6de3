import Diagnosis
import Foundation
import Settings
import Synchronization

/// Ends this process where MPI's start takes longer than an operation may: MPI waits for ever for a rank that was not started, or
/// that ended before it came so far.
final class StartWatch: Sendable {
    private let isOver = Atomic<Bool>(false)

    init(_ launch: MPIEnvironment.Launch) {
        guard launch.size > 1, let limit = Watchdog.limits.collective else { return }
        let failure = Failure(
            "rank \(launch.rank) (\(MPIEnvironment.hostName))",
            "has waited for \(String(format: "%g", limit)) s in MPI's start: of the \(launch.size) ranks not all have come",
            remedy: "Look at what the others say; all must be started with the same command.", exitCode: .tryAgain)
        let deadline = OperationLog.now + Int(limit * 1e9)
        Thread.detachNewThread { [self] in
            while OperationLog.now < deadline {
                if isOver.load(ordering: .acquiring) { return }
                Thread.sleep(forTimeInterval: 0.1)
            }
            // The first rank's word is enough, and its end is that of all.
            if launch.rank > 0 { Thread.sleep(forTimeInterval: 3) }
            if isOver.load(ordering: .acquiring) { return }
            Watchdog.tell(failure)
            _exit(failure.exitCode.rawValue)
        }
    }

    func stop() { isOver.store(true, ordering: .releasing) }
}
