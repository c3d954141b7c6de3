/// Which activations of a block are not kept from forward to backward, but computed again: memory for time. The calls are
/// the same, so are the bits.
public enum Recomputation: String, CaseIterable, Sendable {
    case nothing = "none"
    /// Projections and what attention makes of them.
    case attention
    /// All of a block but its input.
    case block
}
