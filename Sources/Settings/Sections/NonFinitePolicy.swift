/// `optimizer.non_finite`.
public enum NonFinitePolicy: String, CaseIterable, Sendable {
    /// The run ends.
    case stop
    /// The step changes nothing, and the run goes on.
    case skip
}
