/// What is known of a whole row once all its vocabulary, over all ranks, was streamed, at the loss's temperature.
public struct DistributionRow: Equatable, Sendable {
    /// The policy's largest logit, undivided: what tiles leave off.
    public var policyMaximum: Double
    /// log Σ exp(logit), logits as tiles show them: a token's log-probability is `tile.policy[index] − policyLogSumExp`.
    public var policyLogSumExp: Double
    /// The policy's most probable token; the lowest of equals.
    public var policyMostProbable: Int
    /// In the order of the loss's `references`.
    public var references: [ReferenceRow]
    /// What the loss's `accumulate` collected; empty until then.
    public var sums: [Double]

    public init(
        policyMaximum: Double, policyLogSumExp: Double, policyMostProbable: Int, references: [ReferenceRow],
        sums: [Double] = []
    ) {
        self.policyMaximum = policyMaximum
        self.policyLogSumExp = policyLogSumExp
        self.policyMostProbable = policyMostProbable
        self.references = references
        self.sums = sums
    }
}
