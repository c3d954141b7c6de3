import Settings

/// What the records of an input are.
public enum RecordKind: String, Sendable, CaseIterable {
    /// A prompt with a chosen and a rejected completion.
    case preference
    /// Messages, of which the assistant's are learnt.
    case chat
    /// One text.
    case text

    /// How such records are stored: a chat is a text whose loss mask counts the assistant's turns.
    public var datasetKind: DatasetKind {
        switch self {
        case .preference: .preference
        case .chat, .text: .text
        }
    }
}
