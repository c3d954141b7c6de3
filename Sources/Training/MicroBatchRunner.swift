import Collectives
import Datasets
import Diagnosis
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
    /// References in layouts of their own.
    let bridges: [ReferenceBridge]
    /// Of those hooks that have one.
    let caches: [ReferenceCache]
    let stopwatch: Stopwatch
    /// References that hold the policy's own weights: at the first step their values must be the policy's, bit for bit.
    var twins: [String] = []
    /// Sees everything that is made, while a step that went wrong is computed once more.
    private var search: FaultSearch?
    /// Tokens that policy and teachers share.
    private let sharedVocabulary: Int
    /// For each objective and each of its terms: what computes it, where that is not the head.
    private let matchers: [[StateMatcher?]]
    /// Which of the request's distributions a term is.
    private let distributionIndices: [[Int?]]
    private let policyLayers: Set<Int>

    /// - Parameter matchers: `ResolvedRun.stateMatchers`.
    init(
        policy: Transformer<Trainable>, objectives: [WeightedObjective], references: LoadedReferences,
        caches: [ReferenceCache], matchers: [[StateMatcher?]], sharedVocabulary: Int, stopwatch: Stopwatch
    ) {
        self.policy = policy
        self.objectives = objectives
        hooks = references.hooks
        bridges = references.bridges
        self.caches = caches
        self.matchers = matchers
        self.sharedVocabulary = sharedVocabulary
        self.stopwatch = stopwatch
        stopwatch.countApart(.head) { policy.headSeconds }
        references.groups.forEach(stopwatch.countWaiting)
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

    /// Shows `search` what is made from now on; nil: nobody looks any more.
    func watch(_ search: FaultSearch?) {
        self.search = search
        policy.observer = search.map { search in { search.observe($0, $1) } }
        for case let hook as ReferenceForward in hooks {
            hook.model.observer = search.map { search in { search.observe("reference \(hook.name)'s \($0)", $1) } }
        }
    }

    /// Reads the micro-batches that this rank computes, of the policy and of references in layouts of their own. Collective
    /// over all ranks.
    ///
    /// - Parameter isCached: whether what caches know is not computed again.
    func prepare(
        _ plan: StepPlan, of role: DatasetRole, in dataset: DatasetFile, packer: MicroBatchPacker, mesh: Mesh,
        isCached: Bool = true
    ) throws -> StepBatches {
        var places: Set<MicroBatchPlace> = []
        for bridge in bridges {
            let cache = isCached ? caches.first { $0.reference == bridge.name } : nil
            places.formUnion(
                bridge.plan(
                    costs: plan.microBatches.map { microBatches in
                        microBatches.map { records in
                            cache?.knows(records, of: role) == true
                                ? 0 : records.reduce(0) { $0 + packer.axisTokenCount(of: $1, in: dataset) }
                        }
                    }))
        }
        return try mesh.agreed {
            try StepBatches(
                plan, of: role, in: dataset, packer: packer, dataRank: mesh.data.rank, serving: places)
        }
    }

    /// Runs a step's micro-batches, or those of a part of a validation dataset: adds their sums to `sums`; with
    /// `denominators` (of each objective, the whole step's, over all data ranks) also adds their gradients, of
    /// Σ weight · Σ losses / denominator, to the policy's. Collective over all ranks where references have layouts of their
    /// own, else over the tensor ranks.
    ///
    /// - Parameters:
    ///   - reduction: begins with the last micro-batch's backward.
    ///   - isStopped: asked before each round but the first, by all ranks; not where references have layouts of their own,
    ///     whose values are under way to other ranks.
    /// - Returns: whether all of them were run.
    @discardableResult
    func run(
        _ batches: StepBatches, dataRank: Int, sums: inout StepSums, denominators: [Double]?,
        reduction: GradientReduction? = nil, isStopped: () throws(CollectiveError) -> Bool = { false }
    ) throws(CollectiveError) -> Bool {
        // A data rank may have nothing to do in a step: what it adds are zeros.
        if batches.own.isEmpty {
            reduction?.begin()
            reduction?.areFinal(from: 0)
        }
        for round in 0..<batches.roundCount {
            if round > 0, bridges.isEmpty, try isStopped() { return false }
            for bridge in bridges {
                try stopwatch.measure(.reference) { () throws(CollectiveError) in try bridge.serve(round, batches) }
            }
            guard round < batches.own.count else { continue }
            let last = round == batches.own.count - 1 ? reduction : nil
            last?.begin()
            RankActivity.begin(microBatch: round + 1, of: batches.own.count)
            try run(
                batches.own[round], at: MicroBatchPlace(dataRank: dataRank, index: round), sums: &sums,
                denominators: denominators, whenFinal: { last?.areFinal(from: $0) })
            last?.areFinal(from: 0)
        }
        RankActivity.begin(microBatch: 0, of: 0)
        for bridge in bridges {
            try stopwatch.measure(.reference) { () throws(CollectiveError) in try bridge.finish() }
        }
        return true
    }

    /// - Parameter whenFinal: see `Transformer.backward`.
    private func run(
        _ batch: PreparedMicroBatch, at place: MicroBatchPlace, sums: inout StepSums, denominators: [Double]?,
        whenFinal: (_ offset: Int) -> Void
    ) throws(CollectiveError) {
        search?.begin(batch, at: place)
        var hookValues: [String: HookValues] = [:]
        for hook in hooks {
            hookValues[hook.name] = try values(of: hook.name, for: batch, sums: &sums) { () throws(CollectiveError) in
                try hook.values(for: batch.plan)
            }
        }
        func addValues(of bridge: ReferenceBridge) throws(CollectiveError) {
            hookValues[bridge.name] = try values(of: bridge.name, for: batch, sums: &sums) { () throws(CollectiveError) in
                try bridge.values(for: batch, at: place)
            }
        }
        for bridge in bridges where !bridge.arrivesDuringForward { try addValues(of: bridge) }
        let request = ForwardRequest(
            distributions: distributions, references: hookValues.compactMapValues(\.states), layers: policyLayers)
        let scales = denominators.map { zip(objectives, $0).map { $0.weight / $1 } }
        let constant = scales.flatMap { constantGradients(batch, request, $0) }
        let pass = try stopwatch.measure(.forward) { () throws(CollectiveError) in
            guard let constant else { return try policy.forward(batch.plan, request) }
            return try policy.forward(batch.plan, request, knowing: constant)
        }
        for bridge in bridges where bridge.arrivesDuringForward { try addValues(of: bridge) }
        search?.observeLogProbabilities("log-probabilities", pass.scored.logProbabilities)
        checkTwins(pass, hookValues)
        let common = MicroBatchRunner.records(pass.scored, batch, hookValues.mapValues(\.logProbabilities))
        var results: [ObjectiveResult] = []
        for (index, entry) in objectives.enumerated() {
            var scored = common
            scored.terms = terms(of: index, pass, request, batch)
            let result = entry.objective.evaluate(scored)
            search?.observe(entry.objective.name, result, termValues: scored.terms)
            sums.add(result, ofObjective: index)
            results.append(result)
        }
        sums.add(batch)
        guard let scales else { return }
        try stopwatch.measure(.backward) { () throws(CollectiveError) in
            var gradients = constant ?? headGradients(results.map(\.gradients), scales, request, batch.plan)
            gradients.layers = layerGradients(results, scales, pass, request, batch.plan)
            try policy.backward(pass, batch.plan, request, gradients: gradients, whenFinal: whenFinal)
        }
    }

    /// What the head needs to go backward, where all objectives know it before the forward pass.
    private func constantGradients(
        _ batch: PreparedMicroBatch, _ request: ForwardRequest, _ scales: [Double]
    ) -> LossGradients? {
        var known: [ObjectiveGradients] = []
        for entry in objectives {
            let rowCount = batch.plan.targetRows.count
            guard let gradients = entry.objective.constantGradients(batch.records, rowCount: rowCount) else { return nil }
            known.append(gradients)
        }
        return headGradients(known, scales, request, batch.plan)
    }

    /// From the reference's cache, where it has one that knows all of the records; all tensor ranks find the same.
    private func values(
        of name: String, for batch: PreparedMicroBatch, sums: inout StepSums,
        computed: () throws(CollectiveError) -> HookValues
    ) throws(CollectiveError) -> HookValues {
        guard let cache = caches.first(where: { $0.reference == name }) else {
            let values = try stopwatch.measure(.reference, computed)
            search?.observe(values, ofReference: name)
            return values
        }
        let known = cache.values(for: batch)
        sums.addReferenceRows(batch.plan.targetRows.count, cached: known != nil)
        if let known {
            let values = HookValues(logProbabilities: known)
            search?.observe(values, ofReference: name)
            return values
        }
        let fresh = try stopwatch.measure(.reference, computed).logProbabilities
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
                values[twin]!.logProbabilities.elementsEqual(pass.scored.logProbabilities) {
                    $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN)
                },
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

    /// What all objectives together say of log-probabilities and distributions: ∂loss/∂(their values).
    private func headGradients(
        _ results: [ObjectiveGradients], _ scales: [Double], _ request: ForwardRequest, _ plan: ForwardPlan
    ) -> LossGradients {
        var targets = [Double](repeating: 0, count: plan.targetRows.count)
        var distributions = request.distributions.map { _ in [Float](repeating: 0, count: plan.scoredPositions.count) }
        for (objective, result) in results.enumerated() {
            for (target, gradient) in result.targets.enumerated() { targets[target] += gradient * scales[objective] }
            for (term, values) in result.terms.enumerated() {
                guard let distribution = distributionIndices[objective][term] else { continue }
                distributions[distribution] = MicroBatchRunner.rowWeights(values, scales[objective], plan)
            }
        }
        return LossGradients(targets: targets.map(Float.init), distributions: distributions)
    }

    /// What they say of the residual stream after some blocks.
    private func layerGradients(
        _ results: [ObjectiveResult], _ scales: [Double], _ pass: ForwardPass, _ request: ForwardRequest, _ plan: ForwardPlan
    ) -> [LossGradients.Layer] {
        var layers: [LossGradients.Layer] = []
        for (objective, result) in results.enumerated() {
            for (term, values) in result.gradients.terms.enumerated() {
                guard let matcher = matchers[objective][term] else { continue }
                layers += matcher.backward(
                    weights: MicroBatchRunner.rowWeights(values, scales[objective], plan), policy: pass.layers,
                    reference: request.references[matcher.term.reference]!.layers, parameters: policy.parameters)
            }
        }
        return layers
    }

    /// `[U]` what a term's values at each target add up to for its hidden row.
    private static func rowWeights(_ values: [Double], _ scale: Double, _ plan: ForwardPlan) -> [Float] {
        var weights = [Double](repeating: 0, count: plan.scoredPositions.count)
        for (target, row) in plan.targetRows.enumerated() { weights[row] += values[target] * scale }
        return weights.map(Float.init)
    }
}
