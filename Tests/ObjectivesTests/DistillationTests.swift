import Kernels
import Settings
import Testing

@testable import Objectives
@testable import Tensors

/// Two teachers' statistics of a row: forward divergences 0.2 and 0.6, entropies 1 and 3, most probable tokens 5 and 6.
private let row = DistributionRow(
    policyMaximum: 0, policyLogSumExp: 0, policyMostProbable: 6,
    references: [
        ReferenceRow(
            maximum: 0, logSumExp: 0, entropy: 1, forwardDivergence: 0.2, reverseDivergence: 0.3,
            mostProbable: 5),
        ReferenceRow(
            maximum: 0, logSumExp: 0, entropy: 3, forwardDivergence: 0.6, reverseDivergence: 0.1,
            mostProbable: 6),
    ],
    sums: [])

private func batch(_ records: [RecordLayout], losses: [Double], states: [Double]? = nil) -> ScoredRecords {
    ScoredRecords(
        records: records, policy: losses.map { _ in -2 }, mostProbable: losses.map { _ in 6 },
        terms: [TermValues(losses: losses, rows: losses.map { _ in row })] + (states.map { [TermValues(losses: $0)] } ?? []))
}

@Suite struct DistillationTests {
    private let pair = [RecordLayout(record: 0, [.chosen: 0..<1, .rejected: 1..<2, .prompt: 2..<4])]

    @Test("completion tokens count alone, or with the prompt's where all are asked for")
    func tokens() {
        for (tokens, count, loss, gradient) in [
            (ScoredTokens.completion, 2, 3.0, [1.0, 1, 0, 0]), (.all, 4, 15, [1, 1, 1, 1]),
        ] {
            let objective = Distillation(teachers: [("a", 1)], tokens: tokens)
            let result = objective.evaluate(batch(pair, losses: [1, 2, 4, 8]))
            #expect(objective.count(pair) == count)
            #expect(result.lossSum == loss)
            #expect(result.gradients.terms == [gradient])
            #expect(result.gradients.targets == [0, 0, 0, 0])
        }
    }

    @Test("figures are the teachers' means by weight")
    func figures() {
        let objective = Distillation(teachers: [("a", 3), ("b", 1)])
        let result = objective.evaluate(batch([RecordLayout(record: 0, [.completion: 0..<2])], losses: [1, 2]))
        func mean(_ name: String) -> Double {
            let metric = result.metrics[name]
            return metric.sum / metric.count
        }
        #expect(abs(mean("kl") - 0.3) < 1e-15)
        #expect(mean("teacher_entropy") == 1.5)
        #expect(mean("ce") == 2)
        #expect(mean("teacher_agreement") == 0.25)
    }

    @Test("hidden states are a second term with its weight")
    func states() {
        let matching = StateMatching(reference: "a", layers: [.init(policy: 0, reference: 1)], measure: .cosine)
        let objective = Distillation(teachers: [("a", 1)], states: matching, stateWeight: 0.5)
        let result = objective.evaluate(
            batch([RecordLayout(record: 0, [.completion: 0..<2])], losses: [1, 2], states: [4, 6]))
        #expect(result.lossSum == 8)
        #expect(result.gradients.terms == [[1, 1], [0.5, 0.5]])
        #expect(result.metrics["hidden_states"] == MetricSum(sum: 10, count: 2))
    }
}
