import Collectives
import Datasets
import Diagnosis
import Kernels
import Model
import Objectives
import References
import Settings

// U scored hidden rows, R targets.

/// Runs micro-batches: hooks, the policy's forward and the objectives. For a trainable policy it also runs backward
/// (`MicroBatchRunner+Training.swift`).
package final class MicroBatchRunner<Kind: Trainability> {
    let policy: Transformer<Kind>
    package let objectives: [WeightedObjective]
    package let hooks: [any PreprocessingHook]
    /// References in layouts of their own.
    package let bridges: [ReferenceBridge]
    /// Caches of the references that have one.
    package let caches: [ReferenceCache]
    let stopwatch: Stopwatch
    /// References with the policy's own weights: in the first step their values must equal the policy's bit for bit.
    package var twins: [String] = []
    /// Observes every value while a faulty step is computed once more.
    private var search: FaultSearch?
    /// Number of tokens that policy and teachers share.
    private let sharedVocabulary: Int
    /// For each objective and each of its terms: the matcher that computes the term; nil if the head computes it.
    let matchers: [[StateMatcher?]]
    /// For each objective and term: the index among the request's distributions; nil for a term of another kind.
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

    /// Passes all values computed from now on to `search`; nil ends it.
    package func watch(_ search: FaultSearch?) {
        self.search = search
        policy.observer = search.map { search in { search.observe($0, $1) } }
        for case let hook as ReferenceForward in hooks {
            hook.model.observer = search.map { search in { search.observe("reference \(hook.name)'s \($0)", $1) } }
        }
    }

    /// Reads the micro-batches that this rank computes, for the policy and for references with layouts of their own.
    /// Collective over all ranks.
    ///
    /// - Parameter isCached: whether to skip reference values that the caches hold.
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

    /// Runs the micro-batches of a part of a dataset forward, and adds the objectives' results to `sums`. Collective over
    /// all ranks if references have layouts of their own, else over the tensor ranks.
    ///
    /// - Parameter isStopped: asked by all ranks before each round but the first. Not asked if references have layouts of
    ///   their own, because their values are on the way to other ranks.
    /// - Returns: whether all micro-batches were run.
    package func evaluate(
        _ batches: StepBatches, dataRank: Int, sums: inout StepSums, isStopped: () throws(CollectiveError) -> Bool = { false }
    ) throws(CollectiveError) -> Bool {
        try forEachRound(of: batches, dataRank: dataRank, isStopped: isStopped) { (batch, place) throws(CollectiveError) in
            _ = try evaluated(batch, at: place, sums: &sums) { (request) throws(CollectiveError) in
                try policy.forward(batch.plan, request)
            }
        }
    }

    /// Calls `body` for each of this rank's micro-batches, and lets references serve each round.
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

    /// The request of a micro-batch's forward, and its results.
    struct EvaluatedMicroBatch {
        let request: ForwardRequest
        let pass: ForwardPass
        /// One for each objective.
        let results: [ObjectiveResult]
    }

    /// Runs one micro-batch: reference values, the policy's forward, the objectives.
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

    /// Takes the values from the reference's cache if it knows all records, else computes them. All tensor ranks decide
    /// alike.
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

    /// Exchanges the values that the micro-batches of `plan` added to the caches. Collective over `data`.
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
                    "reference \(twin)", "has the policy's weights and layout, but gives other log-probabilities before the first update",
                    remedy: "Check the memory and the processors of the hosts. If they are sound, please report it.", exitCode: .internal))
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
