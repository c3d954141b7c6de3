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
