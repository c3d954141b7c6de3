/// The role of a sequence in its record.
public enum SequenceName: String, Sendable, CaseIterable {
    /// The tokens before a pair's completions.
    case prompt
    /// A pair's completions.
    case chosen, rejected
    /// The tokens of a text that its loss mask counts; all tokens if the text has no loss mask.
    case completion
    /// The other tokens of a text.
    case context
}
