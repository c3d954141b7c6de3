import Kernels
import Settings
import Tensors

// T tokens, U scored positions, D model width, W projections, F feed-forward columns and H query heads of this rank.

/// Activations of the feed-forward sublayer that backward needs. The normalised inputs and the gated product are recomputed.
struct FeedForwardActivations {
    /// `[T, D]` the residual stream after attention.
    let middle: Matrix
    /// `[T, F]`
    let gate: Matrix
    let up: Matrix
    /// `[T, 1]`
    let inverseRoot: Matrix

    func rows(_ count: Int) -> FeedForwardActivations {
        FeedForwardActivations(
            middle: middle.rows(0..<count), gate: gate.rows(0..<count), up: up.rows(0..<count),
            inverseRoot: inverseRoot.rows(0..<count))
    }
}
