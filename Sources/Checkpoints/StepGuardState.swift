/// The history of a run's steps, with which the step guard judges the next step. Equal on all ranks.
public struct StepGuardState: Codable, Equatable, Sendable {
    /// The number of skipped steps in the whole run.
    public var skippedCount = 0
    /// The number of skipped steps since the last update.
    public var skippedInRow = 0
    /// The losses of the latest updates, the oldest first. Empty if the guard does not look for spikes.
    public var recentLosses: [Double] = []

    public init() {}

    enum CodingKeys: String, CodingKey {
        case skippedCount = "skipped_count"
        case skippedInRow = "skipped_in_row"
        case recentLosses = "recent_losses"
    }
}
