import JSON

/// What else of a run a checkpoint holds: what steps went wrong, and what was left undone where it was stopped.
public struct TrainerState: Equatable, Sendable {
    public var stepGuard = StepGuardState()
    /// Nil where nothing is left of what was due after the step.
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
