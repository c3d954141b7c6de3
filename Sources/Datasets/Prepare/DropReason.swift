/// Why a record was dropped.
public enum DropReason: String, Sendable, CaseIterable {
    /// The record is longer than the maximum, and shortening was not allowed or not enough.
    case tooLong = "too long"
    /// Chosen and rejected are the same tokens: there is no preference to learn.
    case identical = "chosen and rejected identical"
    /// A text of one token, or a text whose mask counts no token: there is nothing to predict.
    case nothingCounted = "no token counts"
    /// No token of the prompt is left before the completions, and `EmptyPrompt.drop` was chosen.
    case emptyPrompt = "empty prompt"

    /// How to keep the records that were dropped for this reason.
    func remedy(kind: RecordKind?, truncation: Truncation) -> String {
        switch self {
        case .tooLong: truncation == .drop ? "raise --max-length, or choose --truncation prompt" : "raise --max-length"
        case .identical: "give pairs whose completions differ"
        case .nothingCounted:
            kind == .chat
                ? "give chats in which a message of the assistant is learnt"
                : "give texts of at least two tokens, with a mask that counts a token after the first"
        case .emptyPrompt: "give prompts that keep at least one token before the completions"
        }
    }
}
