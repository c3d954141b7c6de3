/// Next-token cross-entropy, the mean over all counted tokens of the step: pretraining, and supervised fine-tuning by a
/// loss mask (rows that the mask leaves out are never scored).
public struct LanguageModeling: Objective {
    public init() {}

    public var recordKind: RecordKind { .text }
    public var denominator: Denominator { .tokens }
    public var references: [String] { [] }
    public var metricNames: [String] { ["entropy", "mean_token_accuracy"] }

    public func evaluate(_ batch: ScoredRecords) -> ObjectiveResult {
        let count = Double(batch.policy.count)
        return ObjectiveResult(
            lossSum: -batch.policy.reduce(0, +),
            gradients: [Double](repeating: -1, count: batch.policy.count),
            metrics: [
                MetricSum(sum: batch.entropies.reduce(0, +), count: count),
                MetricSum(sum: Double(batch.hits.count { $0 }), count: count),
            ])
    }
}
