import Settings
import Tensors

/// Next-token cross-entropy, the mean over all counted tokens of the step: for pretraining, and with a loss mask for
/// supervised fine-tuning. From preference records it learns the chosen completions.
public struct LanguageModeling: Objective {
    public init() {}

    public var name: String { "language_modeling" }
    public var datasetKinds: Set<DatasetKind> { [.text, .preference] }
    public var metricNames: [String] { Metric.allCases.map(\.rawValue) }

    private enum Metric: String, CaseIterable {
        case entropy
        case accuracy = "mean_token_accuracy"
    }

    public func count(_ records: [RecordLayout]) -> Int { learnt(records).reduce(0) { $0 + $1.count } }

    public func evaluate(_ batch: ScoredRecords) -> ObjectiveResult {
        var result = ObjectiveResult(
            lossSum: 0, gradients: gradients(batch.records, rowCount: batch.policy.count),
            metrics: MetricSums(metricNames))
        for rows in learnt(batch.records) {
            result.lossSum -= batch.policy[rows].reduce(0, +)
            result.metrics.add(batch.entropies[rows].reduce(0, +), count: rows.count, to: Metric.entropy)
            result.metrics.add(Double(batch.hits[rows].count { $0 }), count: rows.count, to: Metric.accuracy)
        }
        return result
    }

    public func constantGradients(_ records: [RecordLayout], rowCount: Int) -> ObjectiveGradients? {
        gradients(records, rowCount: rowCount)
    }

    private func gradients(_ records: [RecordLayout], rowCount: Int) -> ObjectiveGradients {
        var gradients = ObjectiveGradients(targets: [Double](repeating: 0, count: rowCount))
        for row in learnt(records).joined() { gradients.targets[row] = -1 }
        return gradients
    }

    private func learnt(_ records: [RecordLayout]) -> [Range<Int>] {
        records.map { $0.sequences[.chosen] ?? $0[.completion] }
    }
}
