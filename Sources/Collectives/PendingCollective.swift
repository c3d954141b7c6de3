import Settings
import Tensors

/// A collective that was started and must be waited for before its memory is used.
///
/// Waiting consumes it. One that is dropped is completed in `deinit` and counted as a fault, which tests look at.
public struct PendingCollective: ~Copyable {
    /// Nil once it was waited for.
    private var complete: (() throws(CollectiveError) -> Void)?
    private let poll: () throws(CollectiveError) -> Bool

    init(
        poll: @escaping () throws(CollectiveError) -> Bool, complete: @escaping () throws(CollectiveError) -> Void
    ) {
        self.poll = poll
        self.complete = complete
    }

    /// Whether `wait` would return at once. Asking also moves on all that was started: MPI works only while it is called.
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
