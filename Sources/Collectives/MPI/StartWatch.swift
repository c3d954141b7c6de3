import Diagnosis
import Foundation
import Settings
import Synchronization

/// Ends this process if MPI's start takes longer than `run.collective_timeout`. MPI itself waits for ever for a rank that
/// was not started or that ended before MPI's start.
final class StartWatch: Sendable {
    private let isOver = Atomic<Bool>(false)

    init(_ launch: MPIEnvironment.Launch) {
        guard launch.size > 1, let limit = Watchdog.limits.collective else { return }
        let failure = Failure(
            "rank \(launch.rank) (\(MPIEnvironment.hostName))",
            "has waited for \(String(format: "%g", limit)) s in MPI's start: not all of the \(launch.size) ranks have come",
            remedy: "Read the output of the other ranks. Start all ranks with the same command.", exitCode: .tryAgain)
        let deadline = OperationLog.now + Int(limit * 1e9)
        Thread.detachNewThread { [self] in
            while OperationLog.now < deadline {
                if isOver.load(ordering: .acquiring) { return }
                Thread.sleep(forTimeInterval: 0.1)
            }
            // One line from the first rank is enough. Its end ends all ranks.
            if launch.rank > 0 { Thread.sleep(forTimeInterval: 3) }
            if isOver.load(ordering: .acquiring) { return }
            Watchdog.tell(failure)
            _exit(failure.exitCode.rawValue)
        }
    }

    func stop() { isOver.store(true, ordering: .releasing) }
}
