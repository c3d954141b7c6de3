/// What a run knows of its steps so far, to judge the next one: the same on all ranks.
public struct StepGuardState: Codable, Equatable, Sendable {
    /// Steps that changed nothing, of the whole run.
    public var skippedCount = 0
    /// Those since the last update.
    public var skippedInRow = 0
    /// Of the latest updates, the oldest first; none where no spikes are looked for.
    public var recentLosses: [Double] = []

    public init() {}

    enum CodingKeys: String, CodingKey {
        case skippedCount = "skipped_count"
        case skippedInRow = "skipped_in_row"
        case recentLosses = "recent_losses"
    }
}
