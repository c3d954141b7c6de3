import Collectives
import Foundation
import Kernels
import Objectives
import RewardWithPenalty
import Runs
import Settings
import Stepping
import TestSupport
import Testing
import TrainerProbing
import Training

/// A loss that lives outside Tandem's targets, run by its trainer.
@Suite struct RewardWithPenaltyTests {
    private struct Outcome {
        var steps: [StepReport] = []
        var gradients: [String: [Double]] = [:]
        var probe: Trainer.Probe
    }

    private final class Steps: EventListener {
        var reports: [StepReport] = []
        func receive(_ event: TrainingEvent) throws(Failure) {
            if case .step(let report) = event { reports.append(report) }
        }
    }

    /// Three steps on the golden pairs, against the golden reference.
    private func train(_ objective: any Objective, weight: Double = 1) throws -> Outcome {
        let folder = TemporaryFolder()
        let golden = fixtureFolder + "/golden/llama"
        let yaml = """
            model: {checkpoint: \(golden)/policy}
            references: {ref: {checkpoint: \(golden)/ref}}
            data: {train: \(try makeDataset(goldenPairsJSONL(), in: folder)), shuffle: false}
            objective: {type: preference, reference: ref}
            schedule: {steps: 3, pairs_per_step: 4}
            optimizer: {learning_rate: 1e-3}
            run: {directory: \(folder.file("run"))}
            """
        let run = try ResolvedRun(
            RunConfiguration(yaml: yaml, file: "example.yaml"), rankCount: 1, purpose: .training,
            objectives: [WeightedObjective(objective, weight: weight)])
        let steps = Steps()
        let trainer = try Trainer(run, mesh: .solo(), workers: Workers(threadCount: 1), listeners: [steps])
        var outcome = Outcome(probe: try trainer.logProbabilities(ofRecords: [0, 1, 2, 3]))
        try trainer.exportFirstStepGradients(to: folder.file("gradients"))
        outcome.gradients = try readTensors(folder.file("gradients/model.safetensors"))
        try trainer.train(.fresh(overwrite: false))
        outcome.steps = steps.reports
        return outcome
    }

    @Test("its penalty, summed by itself in tiles, is the reverse divergence that the kernel streams; so are the gradients")
    func penalty() throws {
        let with = try train(RewardWithPenalty(reference: "ref", penalty: 0.3))
        let without = try train(RewardWithPenalty(reference: "ref", penalty: 0))
        let distilled = try train(Distillation(teachers: [("ref", 1)], kind: .reverseKL), weight: 0.3)
        let divergence = distilled.steps[0]["loss"]! / 0.3
        #expect(divergence > 0.01)
        #expect(abs(with.steps[0]["kl"]! - divergence) < 1e-5 * divergence)
        for (name, gradient) in with.gradients {
            let difference = zip(gradient, without.gradients[name]!).map(-)
            #expect(relativeRootMeanSquare(difference, distilled.gradients[name]!) < 1e-3, "\(name)")
        }
    }

    @Test("its loss is what its formula makes of the log-probabilities")
    func loss() throws {
        let outcome = try train(RewardWithPenalty(reference: "ref", penalty: 0))
        let (policy, reference) = (outcome.probe.policy, outcome.probe.references["ref"]!)
        let pairs =
            try JSONSerialization.jsonObject(
                with: Data(contentsOf: URL(fileURLWithPath: fixtureFolder + "/golden/pairs.json"))) as! [[String: [Int]]]
        var (row, reward) = (0, 0.0)
        for pair in pairs {
            for (field, sign) in [("chosen_ids", 1.0), ("rejected_ids", -1.0)] {
                reward += sign * policy[row..<(row + pair[field]!.count)].reduce(0, +)
                row += pair[field]!.count
            }
        }
        #expect(row == policy.count)
        #expect(abs(outcome.steps[0]["loss"]! + reward / Double(row)) < 1e-9)
        let estimate = zip(policy, reference).reduce(0) { $0 + $1.0 - $1.1 } / Double(row)
        #expect(abs(outcome.steps[0]["kl_estimate"]! - estimate) < 1e-9)
    }

    @Test("it learns: the reward rises, and the penalty holds the policy nearer to its reference")
    func learns() throws {
        let free = try train(RewardWithPenalty(reference: "ref", penalty: 0))
        let held = try train(RewardWithPenalty(reference: "ref", penalty: 10))
        #expect(free.steps[2]["reward"]! > free.steps[0]["reward"]!)
        #expect(held.steps[2]["kl"]! < free.steps[2]["kl"]!)
    }
}
