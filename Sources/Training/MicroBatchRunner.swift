import Collectives
import Datasets
import Model
import Objectives

/// Sums over micro-batches, and later over data ranks, of what a step or an evaluation reports.
struct StepSums {
    var loss = 0.0
    var metrics: [MetricSum]
    /// Tokens computed by the policy, and sequence tokens.
    var tokens = 0.0
    var sequenceTokens = 0.0
    /// Pairs or texts, and scored rows.
    var records = 0.0
    var rows = 0.0

    init(metricCount: Int) { metrics = [MetricSum](repeating: MetricSum(), count: metricCount) }

    /// The same sums over all ranks of `group`.
    func summed(over group: any ProcessGroup) throws(CollectiveError) -> StepSums {
        let flat = [loss, tokens, sequenceTokens, records, rows] + metrics.flatMap { [$0.sum, $0.count] }
        let total = try group.sum(flat)
        var result = self
        (result.loss, result.tokens, result.sequenceTokens) = (total[0], total[1], total[2])
        (result.records, result.rows) = (total[3], total[4])
        for index in metrics.indices {
            result.metrics[index] = MetricSum(sum: total[5 + 2 * index], count: total[6 + 2 * index])
        }
        return result
    }

    func denominator(_ kind: Denominator) -> Double {
        switch kind {
        case .pairs: records
        case .tokens: rows
        }
    }
}

/// A micro-batch that is ready to be computed.
struct PreparedMicroBatch {
    let plan: ForwardPlan
    let records: RecordRows
    let sequenceTokens: Int

    init(_ batch: MicroBatch) {
        plan = ForwardPlan(axis: batch.axis, rows: batch.rows)
        sequenceTokens = batch.sequenceTokens
        switch batch.records {
        case .preference(let pairs):
            records = .pairs(pairs.map { RecordRows.Pair(chosen: $0.chosen, rejected: $0.rejected) })
        case .text(let texts): records = .texts(texts.map(\.rows))
        }
    }

    var recordCount: Int {
        switch records {
        case .pairs(let pairs): pairs.count
        case .texts(let texts): texts.count
        }
    }
}

/// Runs micro-batches: hooks, the policy's forward, the objective, and backward where the model learns.
final class MicroBatchRunner {
    let policy: Transformer<Trainable>
    let objective: any Objective
    let weight: Double
    let hooks: [any PreprocessingHook]
    let stopwatch: Stopwatch
    /// References that hold the policy's own weights: at the first step their values must be the policy's, bit for bit.
    var twins: [String] = []

    init(
        policy: Transformer<Trainable>, objective: any Objective, weight: Double, hooks: [any PreprocessingHook],
        stopwatch: Stopwatch
    ) {
        self.policy = policy
        self.objective = objective
        self.weight = weight
        self.hooks = hooks
        self.stopwatch = stopwatch
    }

    /// Adds the micro-batch's sums to `sums`; with `denominator` (the whole step's, over all data ranks) also adds its
    /// gradients, of weight · Σ losses / denominator, to the policy's.
    func run(
        _ batch: PreparedMicroBatch, sums: inout StepSums, denominator: Double?
    ) throws(CollectiveError) {
        var references: [String: [Double]] = [:]
        for hook in hooks {
            references[hook.name] = try stopwatch.measure(.reference) { () throws(CollectiveError) in
                try hook.values(for: batch.plan)
            }
        }
        let pass = try stopwatch.measure(.forward) { () throws(CollectiveError) in try policy.forward(batch.plan) }
        let scored = MicroBatchRunner.records(pass.scored, batch, references)
        for twin in twins {
            precondition(
                scored.references[twin]!.elementsEqual(scored.policy) { $0.bitPattern == $1.bitPattern },
                "reference \(twin) has the policy's weights and layout, yet other log-probabilities")
        }
        let result = objective.evaluate(scored)
        sums.loss += result.lossSum
        for (index, metric) in result.metrics.enumerated() { sums.metrics[index] += metric }
        sums.tokens += Double(batch.plan.axis.count)
        sums.sequenceTokens += Double(batch.sequenceTokens)
        sums.records += Double(batch.recordCount)
        sums.rows += Double(batch.plan.targetRows.count)
        guard let denominator else { return }
        try stopwatch.measure(.backward) { () throws(CollectiveError) in
            try policy.backward(
                pass, batch.plan, gradients: result.gradients.map { Float($0 * weight / denominator) })
        }
    }

    private static func records(
        _ scored: ScoredBatch, _ batch: PreparedMicroBatch, _ references: [String: [Double]]
    ) -> ScoredRecords {
        let rows = scored.targetRows.map { scored.rows[$0] }
        return ScoredRecords(
            records: batch.records, policy: scored.logProbabilities, references: references,
            entropies: rows.map(\.entropy), meanLogits: rows.map(\.meanLogit),
            hits: zip(rows, batch.plan.targetTokens).map { $0.mostProbable == Int($1) })
    }
}
