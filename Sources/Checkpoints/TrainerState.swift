/// What else of a run a checkpoint holds: what steps went wrong, and what was left undone where it was stopped.
public struct TrainerState: Codable, Equatable, Sendable {
    public var stepGuard = StepGuardState()
    /// Nil where nothing is left of what was due after the step.
    public var pending: PendingWork?

    public init() {}

    enum CodingKeys: String, CodingKey {
        case stepGuard = "step_guard"
        case pending
    }
}

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

/// What is due after a step, besides its checkpoint.
public struct PendingWork: Codable, Equatable, Sendable {
    /// Names of validation datasets, in order.
    public var evaluations: [String]
    public var isExportDue: Bool

    public init(evaluations: [String], isExportDue: Bool) {
        self.evaluations = evaluations
        self.isExportDue = isExportDue
    }

    public var isEmpty: Bool { evaluations.isEmpty && !isExportDue }

    enum CodingKeys: String, CodingKey {
        case evaluations
        case isExportDue = "export"
    }
}
