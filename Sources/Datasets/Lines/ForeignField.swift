/// Fields that have a meaning for other trainers but not for `prepare`. If such a field would change a record's meaning,
/// `prepare` refuses the record and names the field; `RecordFields+Foreign.swift` has the rules.
enum ForeignField: String, CaseIterable {
    // The record's weight, margin and teacher.
    case weight
    case sampleWeight = "sample_weight"
    case lossWeight = "loss_weight"
    case margin
    case teacher

    // Inputs other than text.
    case images, image, videos, video, audios, audio
    case pixelValues = "pixel_values"

    // Inputs of a chat template.
    case tools, functions, documents
    case chatTemplate = "chat_template"
    case chatTemplateKwargs = "chat_template_kwargs"

    // Texts beside a prompt that may belong before it.
    case system
    case systemPrompt = "system_prompt"
    case systemMessage = "system_message"
    case history, instruction, input

    // One entry for each of `input_ids`, or for each sequence packed into them.
    case attentionMask = "attention_mask"
    case positionIDs = "position_ids"
    case sequenceLengths = "seq_lengths"
    case cumulativeLengths = "cu_seqlens"
    case segmentIDs = "segment_ids"
    case sequenceIDs = "sequence_ids"
    case sequenceID = "sequence_id"
    case documentIDs = "document_ids"
    case weights
    case lossWeights = "loss_weights"
    case tokenWeights = "token_weights"

    // The same for the parts of a pair.
    case chosenLabels = "chosen_labels"
    case rejectedLabels = "rejected_labels"
    case promptAttentionMask = "prompt_attention_mask"
    case chosenAttentionMask = "chosen_attention_mask"
    case rejectedAttentionMask = "rejected_attention_mask"
    case chosenMask = "chosen_mask"
    case rejectedMask = "rejected_mask"
    case chosenLossMask = "chosen_loss_mask"
    case rejectedLossMask = "rejected_loss_mask"

    // Fields of record kinds that can't be prepared. Beside a prompt, the error names the kind. Beside messages, they mean that
    // the chat is not simply to be learnt.
    case completion, completions, label
    case tag = "kto_tag"
    case rejectedResponse = "rejected_response"
    case rejectedMessages = "rejected_messages"

    static let recordWeights: [ForeignField] = [.weight, .sampleWeight, .lossWeight]
    static let media: [ForeignField] = [.images, .image, .videos, .video, .audios, .audio, .pixelValues]
    static let ofTemplate: [ForeignField] = [.tools, .functions, .documents, .chatTemplate, .chatTemplateKwargs]
    static let systemPrompts: [ForeignField] = [.system, .systemPrompt, .systemMessage]
    static let opinions: [ForeignField] = [.label, .tag]
    static let rejections: [ForeignField] = [.rejectedResponse, .rejectedMessages]
    static let besidePrompt: [ForeignField] = systemPrompts + [.history, .instruction, .input]
    static let segments: [ForeignField] = [.segmentIDs, .sequenceIDs, .sequenceID, .documentIDs]
    static let weightsOfTokens: [ForeignField] = [.weights, .lossWeights, .tokenWeights]

    /// Whether a field is probably a mask over tokens: such masks have many names (`response_mask`, `loss_masks`,
    /// `action_mask`, …). `special_tokens_mask` is none: it doesn't say which tokens are learnt.
    static func looksLikeMask(_ name: String) -> Bool {
        (name.hasSuffix("mask") || name.hasSuffix("masks")) && name != "special_tokens_mask"
    }
}
