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
