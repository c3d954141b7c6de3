import Settings
import Tensors

/// A collective operation that was started. Its memory must not be used before `wait` returns.
///
/// `wait` consumes the value. A value dropped without `wait` is completed in `deinit` and counted as a fault; tests read
/// the count.
public struct PendingCollective: ~Copyable {
    /// Nil after `wait`.
    private var complete: (() throws(CollectiveError) -> Void)?
    private let poll: () throws(CollectiveError) -> Bool

    init(
        poll: @escaping () throws(CollectiveError) -> Bool, complete: @escaping () throws(CollectiveError) -> Void
    ) {
        self.poll = poll
        self.complete = complete
    }

    /// Whether `wait` would return at once. The call also lets all started operations progress: MPI works only inside MPI
    /// calls.
    public func hasEnded() throws(CollectiveError) -> Bool { try poll() }

    public consuming func wait() throws(CollectiveError) {
        let complete = complete
        self.complete = nil
        try complete?()
    }

    deinit {
        guard let complete else { return }
        PendingCollectiveFaults.record()
        try? complete()
    }
}
