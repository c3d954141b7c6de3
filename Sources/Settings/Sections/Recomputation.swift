/// The activations of a block that backward computes again instead of keeping them from forward: less memory, more time. The
/// calls are the same, so the bits are the same.
public enum Recomputation: String, CaseIterable, Sendable {
    case nothing = "none"
    /// The projections, and the attention's output computed from them.
    case attention
    /// All activations of a block except its input.
    case block
}
