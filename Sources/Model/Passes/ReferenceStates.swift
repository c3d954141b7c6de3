import Kernels
import Tensors

/// A frozen model's states for losses that need more than log-probabilities. The memory belongs to the model and is valid
/// until the model's next forward.
public struct ReferenceStates {
    /// `[U, D]` the final hidden states of the scored positions: the input of the head.
    public let hidden: Matrix
    /// `[V', D]` the head's rows of this rank's range of the vocabulary; nil if no loss reads distributions.
    public let head: HeadView?
    /// `[U, D]` the residual stream after some blocks, at the scored positions.
    public let layers: [Int: Matrix]

    public init(hidden: Matrix, head: HeadView?, layers: [Int: Matrix]) {
        self.hidden = hidden
        self.head = head
        self.layers = layers
    }
}
