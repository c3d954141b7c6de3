/// A record's tokens, and the chat that they were made from.
struct EncodedRecord {
    /// The messages that the template rendered.
    enum Chat {
        case pair(PreferenceChats)
        case turns([RecordMessage])
    }

    var record: DatasetRecord
    /// Whether a pair's completions start before the end of the prompt's own tokens.
    var movedBoundary = false
    /// Nil for texts and token ids.
    var chat: Chat?
    /// Whether the text has characters that the tokenizer has no tokens for. These characters are left out.
    var losesCharacters = false
}
