import Settings

/// The fields of a JSONL record that `prepare` understands, by their usual names.
enum FieldName: String, Sendable, CaseIterable {
    case promptIDs = "prompt_ids"
    case chosenIDs = "chosen_ids"
    case rejectedIDs = "rejected_ids"
    case inputIDs = "input_ids"
    case lossMask = "loss_mask"
    case labels
    case completionMask = "completion_mask"
    case assistantMasks = "assistant_masks"
    case prompt
    case chosen
    case rejected
    case messages
    case text
    case lossMaskingSpans = "loss_masking_spans"

    /// The fields that say which of `input_ids` the loss counts.
    static let masks: [FieldName] = [.lossMask, .labels, .completionMask, .assistantMasks]
    /// The fields that need a tokenizer.
    static let texts: [FieldName] = [.prompt, .chosen, .rejected, .messages, .text, .lossMaskingSpans]
}
