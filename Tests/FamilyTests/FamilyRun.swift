import Collectives
import Foundation
import Kernels
import Runs
import Settings
import TestSupport
import Testing
import Training

/// One way to compute a step: what changes no result beyond rounding.
struct FamilyRun: Sendable, CustomTestStringConvertible {
    let name: String
    var data = 1
    var tensor = 1
    var prefixSharing = true
    var recompute = "none"
    var tokensPerMicroBatch = 4096
    /// The reference is called `ref`.
    var objective = "{type: preference, beta: 0.2, reference: ref}"

    var testDescription: String { name }
    var ranks: Int { data * tensor }

    static let onOneRank = [
        FamilyRun(name: "one rank"),
        FamilyRun(name: "prompts laid out twice", prefixSharing: false),
        FamilyRun(name: "blocks computed again", recompute: "block"),
        FamilyRun(name: "a pair a micro-batch, attention computed again", recompute: "attention", tokensPerMicroBatch: 1),
    ]

    static let onManyRanks = [
        FamilyRun(name: "tensor 2, heads that don't divide", tensor: 2),
        FamilyRun(name: "data 2", data: 2),
        FamilyRun(
            name: "tensor 2, prompts laid out twice, blocks computed again", tensor: 2, prefixSharing: false,
            recompute: "block"),
    ]

    /// Every family with the first of the runs and, the families by turns, with one of the others; with all of them where
    /// TANDEM_FAMILIES asks for the long table.
    static func table(_ runs: [FamilyRun]) -> [(FamilyFixture, FamilyRun)] {
        let isLong = !FamilyFixture.onDemand.isEmpty
        return FamilyFixture.all.enumerated().flatMap { index, family in
            (isLong ? runs : [runs[0], runs[1 + index % (runs.count - 1)]]).map { (family, $0) }
        }
    }

    /// The configuration of one step over all of a family's pairs.
    ///
    /// - Parameter reference: a Hugging Face folder.
    func yaml(policy: String, reference: String, data dataset: String, pairCount: Int, directory: String) -> String {
        """
        model: {checkpoint: \(policy)}
        references: {ref: {checkpoint: \(reference)}}
        data: {train: \(dataset), shuffle: false}
        objective: \(objective)
        parallel: {data: \(data), tensor: \(tensor)}
        schedule: {steps: 1, pairs_per_step: \(pairCount), tokens_per_micro_batch: \(tokensPerMicroBatch), \
        prefix_sharing: \(prefixSharing), recompute: \(recompute)}
        optimizer: {learning_rate: 1e-3, clip_norm: null}
        run: {directory: \(directory), threads: 1}
        """
    }

    /// A trainer in this process, on one rank.
    func trainer(
        of family: FamilyFixture, reference: String? = nil, in folder: TemporaryFolder, steps: StepRecorder = StepRecorder()
    ) throws -> Trainer {
        let yaml = try yaml(
            policy: family.policy, reference: reference ?? family.reference, data: family.dataset(in: folder),
            pairCount: family.values().records.count, directory: folder.file("run"))
        let run = try ResolvedRun(RunConfiguration(yaml: yaml, file: "family.yaml"), rankCount: 1, purpose: .training)
        return try Trainer(run, mesh: .solo(), workers: Workers(threadCount: 1), listeners: [steps])
    }
}

/// Keeps every step's report.
final class StepRecorder: EventListener {
    private(set) var figures: [[String: Double]] = []

    func receive(_ event: TrainingEvent) throws(Failure) {
        guard case .step(let report) = event else { return }
        figures.append(Dictionary(report.figures.map { ($0.name, $0.value) }) { $1 })
    }
}
