/// Further state of a run in a checkpoint: the history of skipped steps, and the work that was left when the run stopped.
public struct TrainerState: Codable, Equatable, Sendable {
    public var stepGuard = StepGuardState()
    /// The work that is still due after the step. Nil if none is left.
    public var pending: PendingWork?

    public init() {}

    enum CodingKeys: String, CodingKey {
        case stepGuard = "step_guard"
        case pending
    }
}
