import Kernels
import Tensors

/// The results of a forward pass for the scored rows: the same values on every tensor rank.
public struct ScoredBatch: Sendable {
    /// `[U]`, one for each hidden row.
    public internal(set) var rows: [RowStatistics]
    /// `[R]` log p(target), nats.
    public internal(set) var logProbabilities: [Double]
    /// `[R]` each target's hidden row.
    public let targetRows: [Int]
    /// For each requested distribution `[U]`.
    public internal(set) var distributions: [[DistributionRow]]
}
