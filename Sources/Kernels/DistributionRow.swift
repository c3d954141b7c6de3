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

/// One frozen model's distribution q in a row, beside the policy's p; both at the loss's temperature.
public struct ReferenceRow: Equatable, Sendable {
    /// Its largest logit, undivided: what tiles leave off.
    public var maximum: Double
    /// log Σ exp(logit), logits as tiles show them.
    public var logSumExp: Double
    /// −Σ q log q, nats.
    public var entropy: Double
    /// Σ q (log q − log p), nats, never below 0.
    public var forwardDivergence: Double
    /// Σ p (log p − log q), nats, never below 0.
    public var reverseDivergence: Double
    /// Its most probable token; the lowest of equals.
    public var mostProbable: Int

    public init(
        maximum: Double, logSumExp: Double, entropy: Double, forwardDivergence: Double, reverseDivergence: Double,
        mostProbable: Int
    ) {
        self.maximum = maximum
        self.logSumExp = logSumExp
        self.entropy = entropy
        self.forwardDivergence = forwardDivergence
        self.reverseDivergence = reverseDivergence
        self.mostProbable = mostProbable
    }
}
