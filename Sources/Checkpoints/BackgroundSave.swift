import CThreads
import Foundation
import Settings

/// Writes this rank's files of a checkpoint with a thread while steps run.
///
/// The thread calls no MPI. It may run on any core of the machine, even if the thread that starts it is bound to cores. It has
/// a lower priority than threads that compute.
public final class BackgroundSave: @unchecked Sendable {
    private let condition = NSCondition()
    private var outcome: Result<[CheckpointManifest.File], Failure>?
    private var duration = Duration.zero
    private let snapshot: StateSnapshot
    private static let niceness: Int32 = 10

    /// Starts the thread.
    init(_ snapshot: StateSnapshot, _ write: @escaping @Sendable () throws(Failure) -> [CheckpointManifest.File]) {
        self.snapshot = snapshot
        let thread = Thread { [self] in
            _ = tandem_release_thread()
            _ = tandem_lower_priority(BackgroundSave.niceness)
            let start = ContinuousClock.now
            let outcome = Result { () throws(Failure) in try write() }
            condition.lock()
            self.outcome = outcome
            duration = ContinuousClock.now - start
            condition.broadcast()
            condition.unlock()
        }
        thread.name = "checkpoint"
        thread.start()
    }

    /// Call this before the saved numbers change.
    public func detach() { snapshot.detach() }

    public var hasEnded: Bool {
        condition.lock()
        defer { condition.unlock() }
        return outcome != nil
    }

    /// The seconds that writing took. 0 until it has ended.
    public var seconds: Double {
        condition.lock()
        defer { condition.unlock() }
        return duration / .seconds(1)
    }

    /// Waits for the end and returns the written files.
    func files() throws(Failure) -> [CheckpointManifest.File] {
        condition.lock()
        while outcome == nil { condition.wait() }
        let outcome = outcome!
        condition.unlock()
        return try outcome.get()
    }
}
