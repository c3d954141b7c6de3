/// A record in tokens, and what it was made of.
struct EncodedRecord {
    /// Messages that a template has rendered.
    enum Chat {
        case pair(PreferenceChats)
        case turns([RecordMessage])
    }

    var record: DatasetRecord
    /// Whether a pair's completions start before the end of the prompt's own tokens.
    var movedBoundary = false
    /// Nil for texts and token ids.
    var chat: Chat?
    /// Whether its text has characters that the tokenizer has no tokens for: they are left out.
    var losesCharacters = false
}
