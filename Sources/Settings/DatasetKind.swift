/// What the records of a dataset are.
public enum DatasetKind: String, Sendable, CaseIterable {
    /// A prompt with a chosen and a rejected completion.
    case preference
    /// One run of tokens: a text, or a chat whose loss mask counts the assistant's turns.
    case text
}

/// Which tokens of a record an objective scores, each from the position before it.
public enum ScoredTokens: String, Sendable, CaseIterable {
    /// All but the first of each sequence.
    case all
    /// Those that a completion or the loss mask holds.
    case completion
}
