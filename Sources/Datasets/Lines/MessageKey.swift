import Settings
import Tokenization

/// What other trainers write into a message, beside role and content.
enum MessageKey {
    /// 0 or 1, or false or true: whether the message is learnt.
    enum Learning: String {
        /// OpenAI's, Together's and Mistral's formats.
        case weight
        /// Axolotl's.
        case train, training
        case trainOnTurn = "train_on_turn"
        /// Those of ms-swift, XTuner and others.
        case loss, trainable
        case lossMask = "loss_mask"
        case lossScale = "loss_scale"
        /// torchtune's, which says the contrary.
        case masked
    }

    /// What the known templates don't write, or what changes the message's part of the loss. A message that has one of them,
    /// and something in it, is refused.
    static let refused: Set<String> = [
        "tool_calls", "function_call", "tool_call_id", "tool_call", "tools", "functions", "documents",
        "reasoning_content", "reasoning", "thinking", "refusal",
        "images", "image", "videos", "video", "audios", "audio",
        "prefix", "mask", "train_detail",
    ]
}
