import Collectives
import Kernels
import Model
import Objectives
import Settings

// U scored hidden rows, R targets.

/// An objective and what it weighs in the whole loss.
public struct WeightedObjective: Sendable {
    public let objective: any Objective
    public let weight: Double

    public init(_ objective: any Objective, weight: Double = 1) {
        self.objective = objective
        self.weight = weight
    }
}

/// Runs micro-batches: hooks, the policy's forward, the objectives, and backward where the model learns.
final class MicroBatchRunner {
    let policy: Transformer<Trainable>
    let objectives: [WeightedObjective]
    let hooks: [any PreprocessingHook]
    /// Of those hooks that have one.
    let caches: [ReferenceCache]
    let stopwatch: Stopwatch
    /// References that hold the policy's own weights: at the first step their values must be the policy's, bit for bit.
    var twins: [String] = []
    /// Tokens that policy and teachers share.
    private let sharedVocabulary: Int
    /// For each objective and each of its terms: what computes it, where that is not the head.
    private let matchers: [[StateMatcher?]]
    /// Which of the request's distributions a term is.
    private let distributionIndices: [[Int?]]
    private let policyLayers: Set<Int>

    /// - Parameter matchers: `ResolvedRun.stateMatchers`.
    init(
        policy: Transformer<Trainable>, objectives: [WeightedObjective], hooks: [any PreprocessingHook],
        caches: [ReferenceCache], matchers: [[StateMatcher?]], sharedVocabulary: Int, stopwatch: Stopwatch
    ) {
        self.policy = policy
        self.objectives = objectives
        self.hooks = hooks
        self.caches = caches
        self.matchers = matchers
        self.sharedVocabulary = sharedVocabulary
        self.stopwatch = stopwatch
        stopwatch.countApart(.head) { policy.headSeconds }
        var next = 0
        distributionIndices = objectives.map { entry in
            entry.objective.terms.map { term in
                guard case .distribution = term else { return nil }
                defer { next += 1 }
                return next
            }
        }
        policyLayers = Set(matchers.joined().compactMap { $0 }.flatMap { $0.term.layers.map(\.policy) })
    }

    /// Adds the micro-batch's sums to `sums`; with `denominators` (of each objective, the whole step's, over all data
    /// ranks) also adds its gradients, of Σ weight · Σ losses / denominator, to the policy's.
    ///
    /// - Parameter whenFinal: see `Transformer.backward`.
    func run(
        _ batch: PreparedMicroBatch, sums: inout StepSums, denominators: [Double]?,
        whenFinal: (_ offset: Int) -> Void = { _ in }
    ) throws(CollectiveError) {
        var hookValues: [String: HookValues] = [:]
        for hook in hooks {
            hookValues[hook.name] = try stopwatch.measure(.reference) { () throws(CollectiveError) in
                try values(of: hook, for: batch, sums: &sums)
            }
        }
        let request = ForwardRequest(
            distributions: distributions, references: hookValues.compactMapValues(\.states), layers: policyLayers)
        let constant = denominators.flatMap { constantGradients(batch, $0) }
        let pass = try stopwatch.measure(.forward) { () throws(CollectiveError) in
            guard let constant else { return try policy.forward(batch.plan, request) }
            return try policy.forward(batch.plan, targetGradients: constant)
        }
        checkTwins(pass, hookValues)
        let common = MicroBatchRunner.records(pass.scored, batch, hookValues.mapValues(\.logProbabilities))
        var results: [ObjectiveResult] = []
        for (index, entry) in objectives.enumerated() {
            var scored = common
            scored.terms = terms(of: index, pass, request, batch)
            let result = entry.objective.evaluate(scored)
            sums.add(result, ofObjective: index)
            results.append(result)
        }
        sums.add(batch)
        guard let denominators else { return }
        let scales = zip(objectives, denominators).map { $0.weight / $1 }
        try stopwatch.measure(.backward) { () throws(CollectiveError) in
            let gradients = gradients(results, scales, pass, request, batch)
            try policy.backward(pass, batch.plan, request, gradients: gradients, whenFinal: whenFinal)
        }
    }

    /// `[R]` ∂loss/∂log p where all objectives know it before the forward pass.
    private func constantGradients(_ batch: PreparedMicroBatch, _ denominators: [Double]) -> [Float]? {
        var sum = [Double](repeating: 0, count: batch.plan.targetRows.count)
        for (entry, denominator) in zip(objectives, denominators) {
            guard let gradients = entry.objective.constantGradients(batch.records, rowCount: sum.count) else { return nil }
            for (row, gradient) in gradients.enumerated() { sum[row] += gradient * (entry.weight / denominator) }
        }
        return sum.map(Float.init)
    }

    /// From the hook's cache, where it has one that knows all of the records; all tensor ranks find the same.
    private func values(
        of hook: any PreprocessingHook, for batch: PreparedMicroBatch, sums: inout StepSums
    ) throws(CollectiveError) -> HookValues {
        guard let cache = caches.first(where: { $0.reference == hook.name }) else { return try hook.values(for: batch.plan) }
        let known = cache.values(for: batch)
        sums.addReferenceRows(batch.plan.targetRows.count, cached: known != nil)
        if let known { return HookValues(logProbabilities: known) }
        let fresh = try hook.values(for: batch.plan).logProbabilities
        cache.keep(fresh, of: batch)
        return HookValues(logProbabilities: fresh)
    }

    /// Makes what the micro-batches of `plan` added to the caches known to all ranks of `data`. Collective over it.
    func shareReferenceValues(
        of plan: StepPlan, in dataset: DatasetRole, over data: any ProcessGroup
    ) throws(CollectiveError) {
        for cache in caches {
            try stopwatch.measure(.reference) { () throws(CollectiveError) in
                try cache.share(plan.records, of: dataset, over: data)
            }
        }
    }

    private var distributions: [DistributionRequest] {
        objectives.flatMap(\.objective.terms).compactMap { term in
            guard case .distribution(let loss) = term else { return nil }
            return DistributionRequest(loss: loss, sharedVocabulary: sharedVocabulary)
        }
    }

    private func checkTwins(_ pass: ForwardPass, _ values: [String: HookValues]) {
        for twin in twins where !values[twin]!.logProbabilities.isEmpty {
            precondition(
                values[twin]!.logProbabilities.elementsEqual(pass.scored.logProbabilities) { $0.bitPattern == $1.bitPattern },
                "reference \(twin) has the policy's weights and layout, yet other log-probabilities")
        }
    }

    private static func records(
        _ scored: ScoredBatch, _ batch: PreparedMicroBatch, _ references: [String: [Double]]
    ) -> ScoredRecords {
        let rows = scored.targetRows.map { scored.rows[$0] }
        return ScoredRecords(
            records: batch.records, policy: scored.logProbabilities, references: references,
            entropies: rows.map(\.entropy), meanLogits: rows.map(\.meanLogit), mostProbable: rows.map(\.mostProbable),
            hits: zip(rows, batch.plan.targetTokens).map { $0.mostProbable == Int($1) })
    }

    /// The values of an objective's terms at every target.
    private func terms(
        of objective: Int, _ pass: ForwardPass, _ request: ForwardRequest, _ batch: PreparedMicroBatch
    ) -> [TermValues] {
        let targetRows = batch.plan.targetRows
        return objectives[objective].objective.terms.enumerated().map { index, term in
            switch term {
            case .distribution(let loss):
                let rows = pass.scored.distributions[distributionIndices[objective][index]!]
                let losses = rows.map(loss.loss)
                return TermValues(losses: targetRows.map { losses[$0] }, rows: targetRows.map { rows[$0] })
            case .states(let matching):
                let losses = matchers[objective][index]!.losses(
                    policy: pass.layers, reference: request.references[matching.reference]!.layers,
                    parameters: policy.parameters)
                return TermValues(losses: targetRows.map { losses[$0] })
            }
        }
    }

    /// What all objectives together say of the pass: ∂loss/∂(its values).
    private func gradients(
        _ results: [ObjectiveResult], _ scales: [Double], _ pass: ForwardPass, _ request: ForwardRequest,
        _ batch: PreparedMicroBatch
    ) -> LossGradients {
        let plan = batch.plan
        var targets = [Double](repeating: 0, count: plan.targetRows.count)
        var gradients = LossGradients(
            targets: [], distributions: request.distributions.map { _ in [Float](repeating: 0, count: plan.scoredPositions.count) })
        for (objective, result) in results.enumerated() {
            for (target, gradient) in result.gradients.enumerated() { targets[target] += gradient * scales[objective] }
            for (index, values) in result.termGradients.enumerated() {
                var weights = [Double](repeating: 0, count: plan.scoredPositions.count)
                for (target, row) in plan.targetRows.enumerated() { weights[row] += values[target] * scales[objective] }
                let floats = weights.map(Float.init)
                if let distribution = distributionIndices[objective][index] {
                    gradients.distributions[distribution] = floats
                } else {
                    let matcher = matchers[objective][index]!
                    gradients.layers += matcher.backward(
                        weights: floats, policy: pass.layers,
                        reference: request.references[matcher.term.reference]!.layers, parameters: policy.parameters)
                }
            }
        }
        gradients.targets = targets.map(Float.init)
        return gradients
    }
}
