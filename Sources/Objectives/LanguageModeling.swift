import Settings

/// Next-token cross-entropy, the mean over all counted tokens of the step: pretraining, and supervised fine-tuning by a
/// loss mask. Of preference records it learns the chosen completions.
public struct LanguageModeling: Objective {
    public init() {}

    public var name: String { "language_modeling" }
    public var datasetKinds: Set<DatasetKind> { [.text, .preference] }
    public var metricNames: [String] { ["entropy", "mean_token_accuracy"] }

    public func count(_ records: RecordRows) -> Int { learnt(records).reduce(0) { $0 + $1.count } }

    public func evaluate(_ batch: ScoredRecords) -> ObjectiveResult {
        var result = ObjectiveResult(
            lossSum: 0, gradients: [Double](repeating: 0, count: batch.policy.count),
            metrics: metricNames.map { _ in MetricSum() })
        for rows in learnt(batch.records) {
            for row in rows {
                result.lossSum -= batch.policy[row]
                result.gradients[row] = -1
            }
            let count = Double(rows.count)
            result.metrics[0] += MetricSum(sum: batch.entropies[rows].reduce(0, +), count: count)
            result.metrics[1] += MetricSum(sum: Double(batch.hits[rows].count { $0 }), count: count)
        }
        return result
    }

    private func learnt(_ records: RecordRows) -> [Range<Int>] {
        switch records {
        case .pairs(let pairs): pairs.map(\.chosen)
        case .texts(let texts): texts.map(\.completion)
        }
    }
}
