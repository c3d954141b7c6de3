import Foundation
import Kernels
import Objectives
import Settings
import Tensors

// An example of a loss of one's own, outside Tandem's targets: reinforcement learning from fixed rewards, held near a
// frozen reference by a penalty. docs/distillation.md walks through it.

/// Mean over the completion tokens of −A·log π(token) + β·KL(π ‖ ref), with the advantage A = 1 for chosen completions and
/// −1 for rejected ones.
///
/// It reads log-probabilities of the reference (for a figure: the usual one-sample estimate of the divergence) and whole
/// distributions of policy and reference, which it sees row by row in tiles of the vocabulary (for the exact one).
public struct RewardWithPenalty: Objective {
    public let reference: String
    public let penalty: Double

    public init(reference: String, penalty: Double) {
        self.reference = reference
        self.penalty = penalty
    }

    public var name: String { "reward_with_penalty" }
    public var datasetKinds: Set<DatasetKind> { [.preference] }
    public var references: [String] { [reference] }
    public var terms: [RowTerm] { [.distribution(ExactPenalty(reference: reference))] }
    public var metricNames: [String] { ["reward", "kl", "kl_estimate"] }

    public func count(_ records: [RecordLayout]) -> Int { records.ranges(.completion).reduce(0) { $0 + $1.count } }

    public func evaluate(_ batch: ScoredRecords) -> ObjectiveResult {
        let zeros = [Double](repeating: 0, count: batch.policy.count)
        var result = ObjectiveResult(
            lossSum: 0, gradients: ObjectiveGradients(targets: zeros, terms: [zeros]), metrics: MetricSums(metricNames))
        for (rows, advantage) in batch.records.flatMap({ [($0[.chosen], 1.0), ($0[.rejected], -1.0)] }) {
            for row in rows {
                let divergence = batch.terms[0].losses[row]
                result.lossSum += -advantage * batch.policy[row] + penalty * divergence
                result.gradients.targets[row] = -advantage
                result.gradients.terms[0][row] = penalty
                result.metrics.add(advantage * batch.policy[row], to: "reward")
                result.metrics.add(divergence, to: "kl")
                result.metrics.add(batch.policy[row] - batch.references[reference]![row], to: "kl_estimate")
            }
        }
        return result
    }
}

/// KL(π ‖ ref) of a row, by a pass of its own over the vocabulary.
///
/// (`row.references[0].reverseDivergence` has it already: the kernel streams it for every loss. Here it shows how a loss
/// collects sums of its own.)
struct ExactPenalty: DistributionLoss {
    let reference: String

    var references: [String] { [reference] }
    var temperature: Double { 1 }
    /// Σ p (log p − log q)
    var sumCount: Int { 1 }

    func accumulate(_ tile: DistributionTile, row: DistributionRow, into sums: inout MutableSpan<Double>) {
        let reference = tile.reference(0)
        for index in 0..<tile.count {
            let (p, difference) = term(tile.policy[index], reference[index], row)
            sums[0] += Double(p * difference)
        }
    }

    func loss(_ row: DistributionRow) -> Double { row.sums[0] }

    /// ∂KL/∂x_j = p_j (log p_j − log q_j − KL)
    func addGradient(_ tile: DistributionTile, row: DistributionRow, weight: Float, to gradient: MutableLogitRow) {
        let reference = tile.reference(0)
        for index in 0..<tile.count {
            let (p, difference) = term(tile.policy[index], reference[index], row)
            gradient[index] += weight * p * (difference - Float(row.sums[0]))
        }
    }

    /// p, and log p − log q, of one token.
    private func term(_ policy: Float, _ reference: Float, _ row: DistributionRow) -> (p: Float, difference: Float) {
        let logP = policy - Float(row.policyLogSumExp)
        let logQ = reference - Float(row.references[0].logSumExp)
        return (exp(logP), logP - logQ)
    }
}
