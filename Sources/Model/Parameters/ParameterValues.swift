import Kernels
import Settings
import Tensors

/// This rank's shard of every parameter, by index in the table.
public protocol ParameterValues {
    func weight(_ index: Int) -> WeightView
    /// A norm's weight or a bias, `[1, n]`.
    func vector(_ index: Int) -> Matrix
}
