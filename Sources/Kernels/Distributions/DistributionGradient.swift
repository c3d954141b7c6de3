import Settings
import Tensors

// U scored hidden rows, K references, V' rows of the vocabulary on this rank.

/// A request with all that backward needs: the statistics of its rows and the weights of their losses.
public struct DistributionGradient: Sendable {
    public let request: DistributionRequest
    /// `[U]`, with the sums that `accumulate` collected.
    public let rows: [DistributionRow]
    /// `[U]` ∂total/∂(the row's loss)
    public let weights: [Float]

    public init(request: DistributionRequest, rows: [DistributionRow], weights: [Float]) {
        invariant(rows.count == weights.count, "each row has its weight")
        self.request = request
        self.rows = rows
        self.weights = weights
    }
}
