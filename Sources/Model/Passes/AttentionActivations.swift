import Kernels
import Settings
import Tensors

// T tokens, U scored positions, D model width, W projections, F feed-forward columns and H query heads of this rank.

/// Activations of the attention sublayer that backward needs. The normalised inputs are recomputed, which costs only memory
/// bandwidth.
struct AttentionActivations {
    /// `[T, W]` rotated queries and keys, and values.
    var projections: Matrix
    /// `[T, H·E]`
    let output: Matrix
    /// `[T, H]`
    let logSumExp: Matrix
    /// `[T, 1]`
    let inverseRoot: Matrix

    func rows(_ count: Int) -> AttentionActivations {
        AttentionActivations(
            projections: projections.rows(0..<count), output: output.rows(0..<count), logSumExp: logSumExp.rows(0..<count),
            inverseRoot: inverseRoot.rows(0..<count))
    }
}
