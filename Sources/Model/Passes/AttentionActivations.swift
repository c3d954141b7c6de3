import Tensors

// T tokens, D model width, W projections, Q columns of queries and keys, A columns and H number of query heads of this rank, S
// statistics of a norm.

/// Activations of attention that backward needs. The normalised inputs are recomputed, which costs only memory bandwidth.
struct AttentionActivations {
    /// `[T, S]` of the norm before attention; no columns without one.
    let statistics: Matrix
    /// `[T, W]` queries and keys as the kernel reads them, and values.
    var projections: Matrix
    /// `[T, Q]` queries and keys before their norms, and the norms' statistics; no columns without norms.
    let raw: Matrix
    let rawStatistics: Matrix
    /// `[T, A]`
    let output: Matrix
    /// `[T, H]`
    let logSumExp: Matrix
    /// `[T, D]` the layer's output before the norm behind it, and the norm's statistics; no columns without one.
    let update: Matrix
    let updateStatistics: Matrix

    func rows(_ count: Int) -> AttentionActivations {
        AttentionActivations(
            statistics: statistics.rows(0..<count), projections: projections.rows(0..<count), raw: raw.rows(0..<count),
            rawStatistics: rawStatistics.rows(0..<count), output: output.rows(0..<count), logSumExp: logSumExp.rows(0..<count),
            update: update.rows(0..<count), updateStatistics: updateStatistics.rows(0..<count))
    }
}
