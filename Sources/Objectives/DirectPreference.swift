import Foundation
import Settings
import Tensors

/// Direct preference optimisation (Rafailov et al., arXiv:2305.18290), conservative with label smoothing
/// (Mitchell, "A note on DPO with noisy preferences", 2023).
///
/// With c = log π(chosen) − log ref(chosen), r = log π(rejected) − log ref(rejected) and Δ = c − r, a pair's loss is
/// −(1−ε)·logσ(βΔ) − ε·logσ(−βΔ). Without a reference log ref is 0. The step's loss is the mean over its pairs.
public struct DirectPreference: Objective {
    public let beta: Double
    /// ε in [0, 0.5)
    public let labelSmoothing: Double
    /// Nil: there is no reference model.
    public let reference: String?

    public init(beta: Double, labelSmoothing: Double = 0, reference: String?) {
        self.beta = beta
        self.labelSmoothing = labelSmoothing
        self.reference = reference
    }

    public init(_ settings: PreferenceSettings) {
        switch settings.loss {
        case .sigmoid: break
        }
        switch settings.reference {
        case .named(let name): self.init(beta: settings.beta, labelSmoothing: settings.labelSmoothing, reference: name)
        case .none: self.init(beta: settings.beta, labelSmoothing: settings.labelSmoothing, reference: nil)
        }
    }

    public var name: String { "preference" }
    public var datasetKinds: Set<DatasetKind> { [.preference] }
    public var references: [String] { reference.map { [$0] } ?? [] }
    public var metricNames: [String] { Metric.allCases.map(\.rawValue) }

    private enum Metric: String, CaseIterable {
        case chosenReward = "rewards/chosen"
        case rejectedReward = "rewards/rejected"
        case margin = "rewards/margins"
        case accuracy = "rewards/accuracies"
        case chosenLogProbability = "logps/chosen"
        case rejectedLogProbability = "logps/rejected"
        case chosenLogit = "logits/chosen"
        case rejectedLogit = "logits/rejected"
        case entropy
        case tokenAccuracy = "mean_token_accuracy"
        case chosenLoss = "nll/chosen"
    }

    public func count(_ records: [RecordLayout]) -> Int { records.count }

    public func evaluate(_ batch: ScoredRecords) -> ObjectiveResult {
        let reference = reference.map { batch.references[$0]! }
        var result = ObjectiveResult(
            lossSum: 0, gradients: ObjectiveGradients(targets: [Double](repeating: 0, count: batch.policy.count)),
            metrics: MetricSums(metricNames))
        for pair in batch.records {
            let chosen = batch.policy[pair[.chosen]].reduce(0, +)
            let rejected = batch.policy[pair[.rejected]].reduce(0, +)
            let chosenGain = chosen - (reference?[pair[.chosen]].reduce(0, +) ?? 0)
            let rejectedGain = rejected - (reference?[pair[.rejected]].reduce(0, +) ?? 0)
            let difference = chosenGain - rejectedGain
            let (loss, slope) = lossAndSlope(difference)
            result.lossSum += loss
            for row in pair[.chosen] { result.gradients.targets[row] += slope }
            for row in pair[.rejected] { result.gradients.targets[row] -= slope }
            let metrics: KeyValuePairs<Metric, Double> = [
                .chosenReward: beta * chosenGain, .rejectedReward: beta * rejectedGain, .margin: beta * difference,
                .accuracy: difference > 0 ? 1 : 0, .chosenLogProbability: chosen, .rejectedLogProbability: rejected,
            ]
            for (metric, value) in metrics { result.metrics.add(value, to: metric) }
            addTokenMetrics(pair, batch, to: &result.metrics)
        }
        return result
    }

    /// A pair's loss and its derivative by Δ.
    func lossAndSlope(_ difference: Double) -> (loss: Double, slope: Double) {
        let x = beta * difference
        let loss = -(1 - labelSmoothing) * logSigmoid(x) - labelSmoothing * logSigmoid(-x)
        let slope = beta * (-(1 - labelSmoothing) * sigmoid(-x) + labelSmoothing * sigmoid(x))
        return (loss, slope)
    }

    /// Means over completion tokens.
    private func addTokenMetrics(_ pair: RecordLayout, _ batch: ScoredRecords, to metrics: inout MetricSums) {
        for (rows, logit) in [(pair[.chosen], Metric.chosenLogit), (pair[.rejected], .rejectedLogit)] {
            metrics.add(batch.meanLogits[rows].reduce(0, +), count: rows.count, to: logit)
            metrics.add(batch.entropies[rows].reduce(0, +), count: rows.count, to: Metric.entropy)
        }
        let chosen = pair[.chosen]
        // Over the chosen completions only, as in TRL: nobody wants the rejected tokens predicted.
        metrics.add(Double(batch.hits[chosen].count { $0 }), count: chosen.count, to: Metric.tokenAccuracy)
        // e to its power is the perplexity of the chosen completions.
        metrics.add(-batch.policy[chosen].reduce(0, +), count: chosen.count, to: Metric.chosenLoss)
    }
}

/// log(1 / (1 + e^−x)) without overflow on either side.
func logSigmoid(_ x: Double) -> Double { x >= 0 ? -log1p(exp(-x)) : x - log1p(exp(x)) }

func sigmoid(_ x: Double) -> Double { x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)) }
