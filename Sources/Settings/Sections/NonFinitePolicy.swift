/// The values of `optimizer.non_finite`: what happens after a loss or a gradient that is not finite.
public enum NonFinitePolicy: String, CaseIterable, Sendable {
    /// The run ends.
    case stop
    /// The step is skipped: it changes no parameter, and the run continues.
    case skip
}
