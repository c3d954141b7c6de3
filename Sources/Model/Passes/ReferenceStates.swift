import Kernels
import Tensors

/// What a frozen model hands to a loss that needs more than log-probabilities. Its memory is the model's own: valid until
/// the model's next forward.
public struct ReferenceStates {
    /// `[U, D]` the final hidden states of the scored positions: what the head reads.
    public let hidden: Matrix
    /// `[V', D]` the head's rows of this rank's range of the vocabulary; nil where no loss reads distributions.
    public let head: WeightView?
    /// `[U, D]` the residual stream after some blocks, at the scored positions.
    public let layers: [Int: Matrix]

    public init(hidden: Matrix, head: WeightView?, layers: [Int: Matrix]) {
        self.hidden = hidden
        self.head = head
        self.layers = layers
    }
}
