/// Statistics of one hidden row's distribution over the full vocabulary.
public struct RowStatistics: Equatable, Sendable {
    /// log Σ exp(logit)
    public var logSumExp: Double
    /// Σ p², the probability that two draws agree.
    public var sumOfSquaredProbabilities: Double
    /// −Σ p log p, nats.
    public var entropy: Double
    /// Mean logit over the vocabulary.
    public var meanLogit: Double
    /// The most probable token; the lowest one in a tie.
    public var mostProbable: Int
}
