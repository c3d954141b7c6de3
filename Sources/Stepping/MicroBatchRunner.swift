import Collectives
import Datasets
import Diagnosis
import Kernels
import Model
import Objectives
import References
import Settings

// U scored hidden rows, R targets.

/// Runs micro-batches: hooks, the policy's forward and the objectives; of a policy that learns also backward
/// (`MicroBatchRunner+Training.swift`).
package final class MicroBatchRunner<Kind: Trainability> {
    let policy: Transformer<Kind>
    package let objectives: [WeightedObjective]
    package let hooks: [any PreprocessingHook]
    /// References in layouts of their own.
    package let bridges: [ReferenceBridge]
    /// Of those hooks that have one.
    package let caches: [ReferenceCache]
    let stopwatch: Stopwatch
    /// References that hold the policy's own weights: at the first step their values must be the policy's, bit for bit.
    package var twins: [String] = []
    /// Sees everything that is made, while a step that went wrong is computed once more.
    private var search: FaultSearch?
    /// Tokens that policy and teachers share.
    private let sharedVocabulary: Int
    /// For each objective and each of its terms: what computes it, where that is not the head.
    let matchers: [[StateMatcher?]]
    /// Which of the request's distributions a term is.
    let distributionIndices: [[Int?]]
    private let policyLayers: Set<Int>

    /// - Parameter matchers: `ResolvedRun.stateMatchers`.
    package init(
        policy: Transformer<Kind>, objectives: [WeightedObjective], references: LoadedReferences,
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
    package func watch(_ search: FaultSearch?) {
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
    package func prepare(
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

    /// Runs the micro-batches of a part of a dataset forward, and adds what objectives make of them to `sums`. Collective over all
    /// ranks where references have layouts of their own, else over the tensor ranks.
    ///
    /// - Parameter isStopped: asked before each round but the first, by all ranks; not where references have layouts of their own,
    ///   whose values are under way to other ranks.
    /// - Returns: whether all of them were run.
    package func evaluate(
        _ batches: StepBatches, dataRank: Int, sums: inout StepSums, isStopped: () throws(CollectiveError) -> Bool = { false }
    ) throws(CollectiveError) -> Bool {
        try forEachRound(of: batches, dataRank: dataRank, isStopped: isStopped) { (batch, place) throws(CollectiveError) in
            _ = try evaluated(batch, at: place, sums: &sums) { (request) throws(CollectiveError) in
                try policy.forward(batch.plan, request)
            }
        }
    }

    /// Calls `body` for each of this rank's micro-batches, beside the references' own rounds.
    func forEachRound(
        of batches: StepBatches, dataRank: Int, isStopped: () throws(CollectiveError) -> Bool = { false },
        _ body: (PreparedMicroBatch, MicroBatchPlace) throws(CollectiveError) -> Void
    ) throws(CollectiveError) -> Bool {
        for round in 0..<batches.roundCount {
            if round > 0, bridges.isEmpty, try isStopped() { return false }
            for bridge in bridges {
                try stopwatch.measure(.reference) { () throws(CollectiveError) in
                    try bridge.serve(round) { batches.served($0).plan }
                }
            }
            guard round < batches.own.count else { continue }
            RankActivity.begin(microBatch: round + 1, of: batches.own.count)
            try body(batches.own[round], MicroBatchPlace(dataRank: dataRank, index: round))
        }
        RankActivity.begin(microBatch: 0, of: 0)
        for bridge in bridges {
            try stopwatch.measure(.reference) { () throws(CollectiveError) in try bridge.finish() }
        }
        return true
    }

    /// What a micro-batch's forward was asked for, and what came of it.
    struct EvaluatedMicroBatch {
        let request: ForwardRequest
        let pass: ForwardPass
        /// One for each objective.
        let results: [ObjectiveResult]
    }

    /// One micro-batch: reference values, the policy's forward, the objectives.
    func evaluated(
        _ batch: PreparedMicroBatch, at place: MicroBatchPlace, sums: inout StepSums,
        forward: (ForwardRequest) throws(CollectiveError) -> ForwardPass
    ) throws(CollectiveError) -> EvaluatedMicroBatch {
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
        let pass = try stopwatch.measure(.forward) { () throws(CollectiveError) in try forward(request) }
        for bridge in bridges where bridge.arrivesDuringForward { try addValues(of: bridge) }
        search?.observeLogProbabilities("log-probabilities", pass.scored.logProbabilities)
        try checkTwins(pass, hookValues)
        let common = scoredRecords(pass.scored, batch, hookValues.mapValues(\.logProbabilities))
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
        return EvaluatedMicroBatch(request: request, pass: pass, results: results)
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
        let known = try cache.values(for: batch)
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
    package func shareReferenceValues(
        of plan: StepPlan, in dataset: DatasetRole, over data: any ProcessGroup
    ) throws(CollectiveError) {
        for cache in caches {
            try stopwatch.measure(.reference) { () throws(CollectiveError) in
                try cache.share(plan.records, of: dataset, over: data)
            }
        }
    }

    var distributions: [DistributionRequest] {
        objectives.flatMap(\.objective.terms).compactMap { term in
            guard case .distribution(let loss) = term else { return nil }
            return DistributionRequest(loss: loss, sharedVocabulary: sharedVocabulary)
        }
    }

    private func checkTwins(_ pass: ForwardPass, _ values: [String: HookValues]) throws(CollectiveError) {
        for twin in twins where !values[twin]!.logProbabilities.isEmpty {
            let areEqual = values[twin]!.logProbabilities.elementsEqual(pass.scored.logProbabilities) {
                $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN)
            }
            guard !areEqual else { continue }
            throw CollectiveError(
                Failure(
                    "reference \(twin)", "has the policy's weights and layout, yet gives other log-probabilities before the first update",
                    remedy: "Check the memory and the processors of the hosts; if they are well, please report it.", exitCode: .internal))
        }
    }

    private func scoredRecords(
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
}
