import JSON

/// What a run knows of its steps so far, to judge the next one: the same on all ranks.
public struct StepGuardState: Equatable, Sendable {
    /// Steps that changed nothing, of the whole run.
    public var skippedCount = 0
    /// Those since the last update.
    public var skippedInRow = 0
    /// Of the latest updates, the oldest first; none where no spikes are looked for.
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
