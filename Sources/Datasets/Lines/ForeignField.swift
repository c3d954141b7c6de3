/// Fields to which other trainers give a meaning that `prepare` does not honour. A record that uses one is refused by name,
/// where the field would change what the record says; `RecordFields+Foreign.swift` has the rules.
enum ForeignField: String, CaseIterable {
    // How much the record counts, and for whom.
    case weight
    case sampleWeight = "sample_weight"
    case lossWeight = "loss_weight"
    case margin
    case teacher

    // What is no text.
    case images, image, videos, video, audios, audio
    case pixelValues = "pixel_values"

    // What a chat template may write.
    case tools, functions, documents
    case chatTemplate = "chat_template"
    case chatTemplateKwargs = "chat_template_kwargs"

    // What may stand beside a prompt, and belong before it.
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

    // The same of a pair's parts.
    case chosenLabels = "chosen_labels"
    case rejectedLabels = "rejected_labels"
    case promptAttentionMask = "prompt_attention_mask"
    case chosenAttentionMask = "chosen_attention_mask"
    case rejectedAttentionMask = "rejected_attention_mask"
    case chosenMask = "chosen_mask"
    case rejectedMask = "rejected_mask"
    case chosenLossMask = "chosen_loss_mask"
    case rejectedLossMask = "rejected_loss_mask"

    // Of kinds of records that can't be prepared: beside a prompt they make an error say so, and beside messages they make
    // the chat something else than one to be learnt.
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

    /// Masks over tokens have many names (`response_mask`, `loss_masks`, `action_mask`, …); that of special tokens says
    /// nothing about what is learnt.
    static func looksLikeMask(_ name: String) -> Bool {
        (name.hasSuffix("mask") || name.hasSuffix("masks")) && name != "special_tokens_mask"
    }
}
