import Collectives
import Foundation
import Kernels
import Objectives
import Settings
import TestSupport
import Testing

@testable import Runs
@testable import Stepping
@testable import Tensors
@testable import Training

/// A likelihood whose loss, or whose gradient, is not a number where a text has so many tokens.
private struct Fragile: Objective {
    enum Spoilt: Sendable { case loss, gradient }

    let length: Int
    let spoilt: Spoilt
    let name = "fragile"
    let datasetKinds: Set<DatasetKind> = [.text]
    let metricNames: [String] = []

    func count(_ records: [RecordLayout]) -> Int { records.ranges(.completion).reduce(0) { $0 + $1.count } }

    func evaluate(_ batch: ScoredRecords) -> ObjectiveResult {
        let isHit = batch.records.ranges(.completion).contains { $0.count == length }
        let loss = -batch.policy.reduce(0, +)
        return ObjectiveResult(
            lossSum: isHit && spoilt == .loss ? .nan : loss,
            gradients: ObjectiveGradients(targets: batch.policy.map { _ in isHit && spoilt == .gradient ? .nan : -1 }), metrics: MetricSums([]))
    }
}

@Suite struct NonFiniteObjectiveTests {
    private final class Steps: EventListener {
        var reports: [StepReport] = []
        var notices: [String] = []
        func receive(_ event: TrainingEvent) throws(Failure) {
            if case .step(let report) = event { reports.append(report) }
            if case .notice(let text) = event, text.contains("changes nothing") { notices.append(text) }
        }
    }

    /// Ten texts, a step of about two; record 4 alone has 20 tokens, 19 of them scored.
    private func train(_ spoilt: Fragile.Spoilt, optimizer: String) throws -> (Steps, TemporaryFolder, (any Error)?) {
        let folder = TemporaryFolder()
        let policy = try makeCheckpoint(unevenConfiguration(.llama), seed: 1, in: folder, named: "policy")
        let texts = (0..<10).map { randomTexts(count: 1, vocabulary: 509, lengths: $0 == 4 ? 20...20 : 8...12, seed: UInt64($0)) }
        let yaml = """
            model: {checkpoint: \(policy)}
            data: {train: \(try makeDataset(texts.joined(), in: folder)), shuffle: false}
            objective: {type: language_modeling}
            schedule: {epochs: 1, tokens_per_step: 20, tokens_per_micro_batch: 1}
            optimizer: {learning_rate: 1e-3\(optimizer)}
            run: {directory: \(folder.file("run"))}
            """
        let run = try ResolvedRun(
            RunConfiguration(yaml: yaml, file: "fragile.yaml"), rankCount: 1, purpose: .training,
            objectives: [WeightedObjective(Fragile(length: 19, spoilt: spoilt))])
        let steps = Steps()
        let trainer = try Trainer(run, mesh: .solo(), workers: Workers(threadCount: 1), listeners: [steps])
        do { try trainer.train(.fresh(overwrite: false)) } catch { return (steps, folder, error) }
        return (steps, folder, nil)
    }

    @Test(
        "a loss of one's own that is not a number for a record is named, with that record",
        arguments: [
            (Fragile.Spoilt.loss, "fragile loss has 1 of 1 values"),
            (.gradient, "gradient of the fragile loss by log-probabilities has 19 of 19 values"),
        ])
    private func stops(spoilt: Fragile.Spoilt, words: String) throws {
        let (_, folder, error) = try train(spoilt, optimizer: "")
        let failure = try #require((error as? AgreedFailure)?.failure)
        #expect(failure.exitCode == .internal && failure.place.contains("(record 4 of "), "\(failure)")
        #expect(failure.reason.hasPrefix(words), "\(failure)")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("run/dumps"))
        #expect(names.count == 1)
        let (dump, _) = try StepDump.read(folder.file("run/dumps/\(names[0])"))
        #expect(dump.records == [4] && dump.tokens.count == 20 && dump.parameters.isEmpty)
        #expect(dump.tensors.dropLast().allSatisfy { $0.nonFiniteCount == 0 } && dump.tensors.last!.nonFiniteCount > 0)
        // All blocks were looked into on the way.
        #expect(dump.tensors.contains { $0.name == "model.layers.2.mlp.down_proj output" })
    }

    @Test("with skip the run goes on, and the step is counted and named once")
    func skips() throws {
        let (steps, _, error) = try train(.gradient, optimizer: ", non_finite: skip")
        #expect(error == nil)
        let skipped = steps.reports.compactMap { $0["skipped"] }
        #expect(skipped.first == 0 && skipped.last == 1 && skipped.count == steps.reports.count)
        #expect(steps.notices.count == 1 && steps.notices[0].contains("changes nothing: rank 0, micro-batch"), "\(steps.notices)")
        #expect(steps.reports.allSatisfy { $0["loss"]!.isFinite }, "only the gradient was not")
    }

    @Test("a loss that jumps is skipped by its z-score")
    func spikes() throws {
        // Every loss after the second is a spike where the window is as small and the limit as low as can be.
        let (steps, _, error) = try train(.loss, optimizer: ", non_finite: skip, spike_z_score: 1e-9, spike_window: 2, skip_limit: 99")
        #expect(error == nil)
        #expect(steps.notices.contains { $0.contains("standard deviations above") }, "\(steps.notices)")
        #expect(steps.reports.last!["skipped"]! > 1)
    }
}
