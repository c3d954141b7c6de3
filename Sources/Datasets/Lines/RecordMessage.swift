import Settings
import Tokenization

/// One message of a record for the template, and whether the record says that it is learnt.
struct RecordMessage {
    /// A key that says whether the message is learnt: `weight` or one of the other keys in `MessageKey.Learning`.
    struct Learning {
        // For errors: the key, and its value as written in the line.
        let key: String
        let written: String
        let isLearnt: Bool
    }

    let message: ChatMessage
    /// The message's place in the record, for errors: `messages[1]`.
    let place: String
    /// Nil if the message has no such key. Then a message is learnt if it is the assistant's.
    let learning: Learning?

    /// Whether the loss of a chat counts the message.
    var isLearnt: Bool { message.role == .assistant && learning?.isLearnt != false }
}
