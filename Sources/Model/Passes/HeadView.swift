import Kernels
import Tensors

/// A frozen model's head for this rank's range of the vocabulary, as losses over distributions use it.
public struct HeadView: Sendable {
    /// `[V', D]`
    public let weight: WeightView
    /// `[1, V']`
    public let bias: Matrix?
    /// The cap of its logits.
    public let softCap: Double?

    public init(weight: WeightView, bias: Matrix? = nil, softCap: Double? = nil) {
        self.weight = weight
        self.bias = bias
        self.softCap = softCap
    }
}
