import Kernels
import Tensors

// R scored rows (targets) of a micro-batch.

/// A term's values at every scored row.
public struct TermValues: Sendable {
    /// `[R]`
    public var losses: [Double]
    /// `[R]` statistics of the distributions; empty for a term on hidden states.
    public var rows: [DistributionRow]

    public init(losses: [Double], rows: [DistributionRow] = []) {
        self.losses = losses
        self.rows = rows
    }
}
