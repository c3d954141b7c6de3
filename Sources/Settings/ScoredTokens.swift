/// The tokens of a record that an objective scores. The position before a token predicts it.
public enum ScoredTokens: String, Sendable, CaseIterable {
    /// All tokens except the first one of each sequence.
    case all
    /// The tokens of the completions, or the tokens that the loss mask counts.
    case completion
}
