/// Which tokens of a record an objective scores, each from the position before it.
public enum ScoredTokens: String, Sendable, CaseIterable {
    /// All but the first of each sequence.
    case all
    /// Those that a completion or the loss mask holds.
    case completion
}
