import Settings

/// The kind of an input's records.
public enum RecordKind: String, Sendable, CaseIterable {
    /// A prompt with a chosen and a rejected completion.
    case preference
    /// Messages. The assistant's messages are learnt.
    case chat
    /// One text.
    case text

    /// The kind of the stored records: a chat is stored as a text whose loss mask counts the assistant's turns.
    public var datasetKind: DatasetKind {
        switch self {
        case .preference: .preference
        case .chat, .text: .text
        }
    }
}
