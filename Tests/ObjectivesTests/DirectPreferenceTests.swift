import Foundation
import Objectives
import Tensors
import Testing

private func pair(_ policy: (Double, Double), _ reference: (Double, Double)?) -> ScoredRecords {
    ScoredRecords(
        records: [RecordLayout(record: 0, [.chosen: 0..<1, .rejected: 1..<2])], policy: [policy.0, policy.1],
        references: reference.map { ["sft": [$0.0, $0.1]] } ?? [:])
}

@Suite struct DirectPreferenceTests {
    @Test("the worked value of the formula page: loss 0.126928 for Δ = 2, β = 1")
    func workedValue() {
        let result = DirectPreference(beta: 1, reference: "sft").evaluate(pair((-5, -7), (-6, -6)))
        #expect(abs(result.lossSum - 0.126928011) < 1e-8)
        // −β·σ(−Δ) on the chosen tokens, the opposite on the rejected ones.
        let slope = -1 / (1 + exp(2.0))
        #expect(abs(result.gradients.targets[0] - slope) < 1e-12)
        #expect(abs(result.gradients.targets[1] + slope) < 1e-12)
    }

    @Test("without a reference log ref is zero")
    func withoutReference() {
        let result = DirectPreference(beta: 1, reference: nil).evaluate(pair((-5, -7), nil))
        #expect(abs(result.lossSum - 0.126928011) < 1e-8)
    }

    @Test("equal models give ln 2 and a tie is not accurate")
    func equalModels() {
        let objective = DirectPreference(beta: 0.1, reference: "sft")
        let result = objective.evaluate(pair((-5, -7), (-5, -7)))
        #expect(abs(result.lossSum - log(2.0)) < 1e-15)
        #expect(result.metrics["rewards/accuracies"] == MetricSum(sum: 0, count: 1))
    }

    @Test("label smoothing mixes the loss with its mirror image", arguments: [0.0, 0.1, 0.4])
    func labelSmoothing(epsilon: Double) {
        let (beta, difference) = (0.5, 1.7)
        let batch = pair((-1, -1 - difference), (-1, -1))
        let loss = DirectPreference(beta: beta, labelSmoothing: epsilon, reference: "sft").evaluate(batch).lossSum
        let expected = (1 - epsilon) * log(1 + exp(-beta * difference)) + epsilon * log(1 + exp(beta * difference))
        #expect(abs(loss - expected) < 1e-12)
    }

    @Test("gradients are the loss's finite differences", arguments: [0.0, 0.2])
    func finiteDifferences(epsilon: Double) {
        let objective = DirectPreference(beta: 0.3, labelSmoothing: epsilon, reference: "sft")
        var batch = ScoredRecords(
            records: [RecordLayout(record: 0, [.chosen: 0..<2, .rejected: 2..<5]), RecordLayout(record: 0, [.chosen: 5..<6, .rejected: 6..<8])],
            policy: [-1, -2, -0.5, -3, -1.5, -4, -0.2, -6], references: ["sft": [-1.5, -1, -1, -2, -2, -3, -1, -5]])
        let gradients = objective.evaluate(batch).gradients.targets
        for row in batch.policy.indices {
            let step = 1e-5
            let value = batch.policy[row]
            batch.policy[row] = value + step
            let above = objective.evaluate(batch).lossSum
            batch.policy[row] = value - step
            let below = objective.evaluate(batch).lossSum
            batch.policy[row] = value
            #expect(abs(gradients[row] - (above - below) / (2 * step)) < 1e-8)
        }
    }

    @Test("extreme differences stay finite", arguments: [-1e4, 1e4])
    func extremes(difference: Double) {
        let result = DirectPreference(beta: 1, reference: nil).evaluate(pair((difference, 0), nil))
        #expect(result.lossSum.isFinite)
        #expect(abs(result.lossSum - max(0, -difference)) < 1e-9)
        #expect(result.gradients.targets.allSatisfy { $0.isFinite })
    }

    @Test("rewards are β times the gains, token figures are means over completion tokens, accuracy over the chosen ones")
    func metrics() {
        let objective = DirectPreference(beta: 0.1, reference: "sft")
        let batch = ScoredRecords(
            records: [RecordLayout(record: 0, [.chosen: 0..<2, .rejected: 2..<3])], policy: [-1, -2, -4], references: ["sft": [-2, -2, -3]],
            entropies: [1, 2, 6], meanLogits: [3, 5, 7], hits: [true, false, true])
        let result = objective.evaluate(batch)
        func mean(_ name: String) -> Double {
            let metric = result.metrics[name]
            return metric.sum / metric.count
        }
        #expect(abs(mean("rewards/chosen") - 0.1) < 1e-12)
        #expect(abs(mean("rewards/rejected") + 0.1) < 1e-12)
        #expect(abs(mean("rewards/margins") - 0.2) < 1e-12)
        #expect(mean("rewards/accuracies") == 1)
        #expect(mean("logps/chosen") == -3)
        #expect(mean("logps/rejected") == -4)
        #expect(mean("logits/chosen") == 4)
        #expect(mean("logits/rejected") == 7)
        #expect(mean("entropy") == 3)
        #expect(mean("nll/chosen") == 1.5)
        #expect(mean("mean_token_accuracy") == 0.5)
    }
}
