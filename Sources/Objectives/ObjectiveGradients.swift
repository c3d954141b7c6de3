import Kernels

// R scored rows (targets) of a micro-batch.

/// What an objective's sum of losses is to the values that it was made of.
public struct ObjectiveGradients: Sendable {
    /// `[R]` ∂lossSum/∂(policy log-probability).
    public var targets: [Double]
    /// For each of `terms`, `[R]`: ∂lossSum/∂(the term's loss of the row).
    public var terms: [[Double]]

    public init(targets: [Double], terms: [[Double]] = []) {
        self.targets = targets
        self.terms = terms
    }
}
