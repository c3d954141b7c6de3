import Settings
import Tokenization

/// One message of a record: what the template renders, and what the record says about learning it.
struct RecordMessage {
    /// A key of the message that says whether it is learnt: `weight` and its kin.
    struct Learning {
        /// For errors: the key, and its value as the line has it.
        let key: String
        let written: String
        let isLearnt: Bool
    }

    let message: ChatMessage
    /// For errors: `messages[1]`.
    let place: String
    /// Nil where the record doesn't say: the assistant's messages are learnt, others are not.
    let learning: Learning?

    /// Whether the loss of a chat counts it.
    var isLearnt: Bool { message.role == .assistant && learning?.isLearnt != false }
}
