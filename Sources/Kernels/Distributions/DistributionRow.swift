/// Statistics of one row over the shared vocabulary of all ranks, at the loss's temperature.
public struct DistributionRow: Equatable, Sendable {
    /// The policy's largest logit, before the division by the temperature. Tiles subtract it.
    public var policyMaximum: Double
    /// log Σ exp(logit), of logits as tiles hold them: a token's log-probability is `tile.policy[index] − policyLogSumExp`.
    public var policyLogSumExp: Double
    /// The policy's most probable token; the lowest one in a tie.
    public var policyMostProbable: Int
    /// In the order of the loss's `references`.
    public var references: [ReferenceRow]
    /// The sums of the loss's `accumulate`, over all ranks; empty before the second pass.
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
