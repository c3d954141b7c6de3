import Tensors

// L rows, D model width, F feed-forward columns of this rank, S statistics of a norm.

/// Activations of a feed-forward layer that backward needs. The normalised inputs and the activated product are recomputed.
struct FeedForwardActivations {
    /// `[L, D]` the residual stream after attention; no columns in a parallel block.
    let middle: Matrix
    /// `[L, S]` of the norm before the layer; no columns without one.
    let statistics: Matrix
    /// `[L, F]`; nil without a gate.
    let gate: Matrix?
    let up: Matrix
    /// `[L, D]` the layer's output before the norm behind it, and the norm's statistics; no columns without one.
    let update: Matrix
    let updateStatistics: Matrix

    func rows(_ count: Int) -> FeedForwardActivations {
        FeedForwardActivations(
            middle: middle.rows(0..<count), statistics: statistics.rows(0..<count), gate: gate?.rows(0..<count),
            up: up.rows(0..<count), update: update.rows(0..<count), updateStatistics: updateStatistics.rows(0..<count))
    }
}
