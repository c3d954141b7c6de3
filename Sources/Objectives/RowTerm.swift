import Kernels

/// A loss of each scored row. An objective weights and sums these losses.
public enum RowTerm: Sendable {
    /// A loss on the policy's distribution over the vocabulary, compared with the distributions of references.
    case distribution(any DistributionLoss)
    /// A loss on the policy's residual stream after some blocks, compared with a reference's residual stream.
    case states(StateMatching)
}
