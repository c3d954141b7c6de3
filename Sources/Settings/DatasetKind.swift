/// The kind of a dataset's records.
public enum DatasetKind: String, Sendable, CaseIterable {
    /// A prompt with a chosen and a rejected completion.
    case preference
    /// One sequence of tokens: a text, or a chat whose loss mask counts the assistant's turns.
    case text
}
