import CThreads
import Foundation
import Settings

/// The files of a checkpoint that this rank writes, being written by a thread beside the steps.
///
/// The thread calls no MPI. It may run on any core of the machine, whatever its maker is bound to, and gives way to threads
/// that compute.
public final class BackgroundSave: @unchecked Sendable {
    private let condition = NSCondition()
    private var outcome: Result<[CheckpointManifest.File], Failure>?
    private var duration = Duration.zero
    private let snapshot: StateSnapshot
    private static let niceness: Int32 = 10

    /// Starts to write.
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

    /// To be called before the numbers that are saved change.
    public func detach() { snapshot.detach() }

    public var hasEnded: Bool {
        condition.lock()
        defer { condition.unlock() }
        return outcome != nil
    }

    /// What writing took; 0 until it has ended.
    public var seconds: Double {
        condition.lock()
        defer { condition.unlock() }
        return duration / .seconds(1)
    }

    /// Waits for the end; returns the files that were written.
    func files() throws(Failure) -> [CheckpointManifest.File] {
        condition.lock()
        while outcome == nil { condition.wait() }
        let outcome = outcome!
        condition.unlock()
        return try outcome.get()
    }
}
