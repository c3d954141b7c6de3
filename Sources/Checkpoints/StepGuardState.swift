import JSON

/// The history of a run's steps, with which the step guard judges the next step. Equal on all ranks.
public struct StepGuardState: Equatable, Sendable {
    /// The number of skipped steps in the whole run.
    public var skippedCount = 0
    /// The number of skipped steps since the last update.
    public var skippedInRow = 0
    /// The losses of the latest updates, the oldest first. Empty if the guard does not look for spikes.
    public var recentLosses: [Double] = []

    public init() {}
}

extension StepGuardState: JSONRepresentable {
    public var json: JSONValue { .fields(["skipped_count": skippedCount, "skipped_in_row": skippedInRow, "recent_losses": recentLosses]) }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        skippedCount = try fields["skipped_count"]
        skippedInRow = try fields["skipped_in_row"]
        recentLosses = try fields["recent_losses"]
    }
}
