/// Statistics of one frozen model's distribution q in a row, and its divergences from the policy's p; both at the loss's
/// temperature.
public struct ReferenceRow: Equatable, Sendable {
    /// The model's largest logit, before the division by the temperature. Tiles subtract it.
    public var maximum: Double
    /// log Σ exp(logit), of logits as tiles hold them.
    public var logSumExp: Double
    /// −Σ q log q, nats.
    public var entropy: Double
    /// Σ q (log q − log p), nats, never below 0.
    public var forwardDivergence: Double
    /// Σ p (log p − log q), nats, never below 0.
    public var reverseDivergence: Double
    /// The model's most probable token; the lowest one in a tie.
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
