import Kernels

// R scored rows (targets) of a micro-batch.

/// The gradients of an objective's sum of losses with respect to its inputs.
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
