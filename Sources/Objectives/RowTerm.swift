import Kernels

/// A loss of each scored row, which an objective adds up and weighs.
public enum RowTerm: Sendable {
    /// Of the policy's distribution over the vocabulary, beside those of references.
    case distribution(any DistributionLoss)
    /// Of the residual stream after a block, against a reference's.
    case states(StateMatching)
}
