import JSON

/// Further state of a run in a checkpoint: the history of skipped steps, and the work that was left when the run stopped.
public struct TrainerState: Equatable, Sendable {
    public var stepGuard = StepGuardState()
    /// The work that is still due after the step. Nil if none is left.
    public var pending: PendingWork?

    public init() {}
}

extension TrainerState: JSONRepresentable {
    public var json: JSONValue { .fields(["step_guard": stepGuard, "pending": pending]) }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        stepGuard = try fields["step_guard"]
        pending = try fields["pending"]
    }
}
