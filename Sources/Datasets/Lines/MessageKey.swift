import Settings
import Tokenization

/// Keys that other trainers write into a message, beside role and content.
enum MessageKey {
    /// Keys that say whether the message is learnt: 0 or 1, or false or true.
    enum Learning: String {
        /// OpenAI's, Together's and Mistral's formats.
        case weight
        /// Axolotl's format.
        case train, training
        case trainOnTurn = "train_on_turn"
        /// The formats of ms-swift, XTuner and others.
        case loss, trainable
        case lossMask = "loss_mask"
        case lossScale = "loss_scale"
        /// torchtune's format. It has the opposite meaning: a masked message is not learnt.
        case masked
    }

    /// Keys that the known templates don't write, or that change the message's part of the loss. A message is refused if one
    /// of these keys has a value that is not empty.
    static let refused: Set<String> = [
        "tool_calls", "function_call", "tool_call_id", "tool_call", "tools", "functions", "documents",
        "reasoning_content", "reasoning", "thinking", "refusal",
        "images", "image", "videos", "video", "audios", "audio",
        "prefix", "mask", "train_detail",
    ]
}
