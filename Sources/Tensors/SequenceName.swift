/// What a sequence of a record is to it.
public enum SequenceName: String, Sendable, CaseIterable {
    /// What comes before a pair's completions.
    case prompt
    /// A pair's completions.
    case chosen, rejected
    /// The tokens of a text that its loss mask counts: all of them, without one.
    case completion
    /// The other tokens of a text.
    case context
}
