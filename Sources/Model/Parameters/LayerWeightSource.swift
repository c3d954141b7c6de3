import Kernels
import Tensors

/// This rank's shard of parameters that are there, by index in the table.
public protocol LayerWeightSource: AnyObject {
    func weight(_ index: Int) -> WeightView
    /// A norm's weight or a bias, `[1, n]`.
    func vector(_ index: Int) -> Matrix
    /// Where a parameter's gradient is added; nil: the parameter is frozen.
    func gradient(_ index: Int) -> Matrix?
}
