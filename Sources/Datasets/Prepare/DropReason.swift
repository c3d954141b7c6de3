/// Why a record was left out.
public enum DropReason: String, Sendable, CaseIterable {
    /// Longer than the maximum, and shortening it was not allowed or not enough.
    case tooLong = "too long"
    /// Chosen and rejected are the same tokens: no preference to learn.
    case identical = "chosen and rejected identical"
    /// A text of one token, or with a mask that counts none: nothing to predict.
    case nothingCounted = "no token counts"
    /// No token of the prompt stands before the completions, and such records are to be dropped.
    case emptyPrompt = "empty prompt"

    /// How records that were dropped for this can be kept.
    func remedy(kind: RecordKind?, truncation: Truncation) -> String {
        switch self {
        case .tooLong: truncation == .drop ? "raise --max-length, or choose --truncation prompt" : "raise --max-length"
        case .identical: "give pairs whose completions differ"
        case .nothingCounted:
            kind == .chat
                ? "give chats in which a message of the assistant is learnt"
                : "give texts of two tokens at least, of which the mask counts one after the first"
        case .emptyPrompt: "give prompts of which a token is left before the completions"
        }
    }
}
