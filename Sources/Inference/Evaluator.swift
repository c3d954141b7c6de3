import Collectives
import Diagnosis
import Kernels
import Model
import References
import Runs
import Settings
import Stepping

/// Evaluates a model without training it. The model is frozen, without gradients and moments.
public final class Evaluator {
    private let run: ResolvedRun
    private let mesh: Mesh
    private let policy: Transformer<Frozen>
    private let runner: MicroBatchRunner<Frozen>
    private let listeners: [any EventListener]
    private let clock = RunClock(start: Stopwatch.now)

    /// Loads this rank's shard of every model. Collective over all ranks.
    ///
    /// - Parameter listeners: receive every event; pass them on the first rank only.
    public init(_ run: ResolvedRun, mesh: Mesh, workers: Workers, listeners: [any EventListener]) throws {
        self.run = run
        self.mesh = mesh
        self.listeners = listeners
        RankActivity.begin(.loading)
        let configuration = run.policy.configuration
        let sharding = ModelSharding(configuration, size: mesh.tensor.size)
        let parameters = try mesh.agreed {
            try FrozenParameters(run.policyTable, sharding: sharding, rank: mesh.tensor.rank, source: run.policySource)
        }
        policy = Transformer(
            configuration, parameters: parameters, tensor: mesh.tensor, workers: workers, table: run.policyTable, sharding: sharding)
        policy.reserve(tokenCount: run.largestMicroBatch)
        runner = MicroBatchRunner(
            policy: policy, objectives: run.objectives,
            references: try run.loadReferences(mesh: mesh, workers: workers, vocabularyLike: sharding), caches: run.referenceCaches(),
            matchers: run.stateMatchers(workers: workers), sharedVocabulary: run.sharedVocabulary, stopwatch: Stopwatch(mesh))
    }

    /// Emits a report for each validation dataset. Collective over all ranks.
    ///
    /// - Throws: an `AgreedFailure` (internal) if a value is not finite. It names the first tensor and its records.
    public func evaluate() throws {
        for notice in run.notices { try emit(.notice(notice)) }
        var likelihoods: [Double?] = []
        for (index, entry) in run.validation.enumerated() {
            RankActivity.begin(.evaluating, step: 0)
            let evaluation = Evaluation(
                runner: runner, mesh: mesh, packer: run.packer, clock: clock, remedy: Evaluator.remedy(for: run.policy),
                wrongParameters: { [policy, mesh] in try policy.nonFiniteParameters(over: mesh.world) }, notice: nil)
            let report = try evaluation.run(entry.file, as: .validation(index), name: entry.name, step: 0) { false }!
            likelihoods.append(report.negativeLogLikelihood)
            try emit(.evaluated(report))
        }
        RankActivity.begin(.stepEdge, step: 0)
        let chance = ChanceLevel(vocabularySize: run.policy.configuration.vocabularySize)
        for (entry, likelihood) in zip(run.validation, likelihoods) {
            if let notice = chance.notice(likelihood, of: entry.name) { try emit(.notice(notice)) }
        }
    }

    /// The remedy for a model whose values are not finite before any training.
    package static func remedy(for model: ModelOrigin) -> String {
        guard let folder = model.folder else { return "Lower optimizer.learning_rate, or look at these records." }
        return "Look at the model with tandem inspect --verify \(folder), and at these records."
    }

    private func emit(_ event: TrainingEvent) throws(Failure) {
        for listener in listeners { try listener.receive(event) }
    }
}
