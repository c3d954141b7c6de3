import Collectives
import Datasets
import Model
import Objectives
import References

/// Sums for the report of a step or an evaluation: over micro-batches, later over data ranks.
package struct StepSums {
    /// For each objective, its sum of losses and the count that divides it.
    var losses: [Double]
    var counts: [Double]
    /// For each objective, its metrics.
    var metrics: [MetricSums]
    /// Tokens computed by the policy, and sequence tokens.
    package var tokens = 0.0
    package var sequenceTokens = 0.0
    /// The tokens of this data rank alone; set by `summed`.
    package private(set) var ownTokens = 0.0
    /// Scored rows of micro-batches, counted once for every reference with a cache, and the rows whose values came from a
    /// cache.
    var cacheableRows = 0.0
    var cachedRows = 0.0
    private let objectives: [WeightedObjective]

    package init(_ objectives: [WeightedObjective]) {
        self.objectives = objectives
        losses = objectives.map { _ in 0 }
        counts = losses
        metrics = objectives.map { MetricSums($0.objective.metricNames) }
    }

    mutating func add(_ result: ObjectiveResult, ofObjective index: Int) {
        losses[index] += result.lossSum
        metrics[index] += result.metrics
    }

    mutating func add(_ batch: PreparedMicroBatch) {
        tokens += Double(batch.plan.axis.count)
        sequenceTokens += Double(batch.sequenceTokens)
        for (index, entry) in objectives.enumerated() { counts[index] += Double(entry.objective.count(batch.records)) }
    }

    mutating func addReferenceRows(_ count: Int, cached: Bool) {
        cacheableRows += Double(count)
        if cached { cachedRows += Double(count) }
    }

    /// The same sums over all ranks of `group`.
    package func summed(over group: any ProcessGroup) throws(CollectiveError) -> StepSums {
        let flat = [tokens, sequenceTokens, cacheableRows, cachedRows] + losses + counts + metrics.flatMap(\.numbers)
        var total = try group.allReduce(flat)[...]
        var result = self
        result.ownTokens = tokens
        result.tokens = total.removeFirst()
        result.sequenceTokens = total.removeFirst()
        result.cacheableRows = total.removeFirst()
        result.cachedRows = total.removeFirst()
        for index in losses.indices { result.losses[index] = total.removeFirst() }
        for index in counts.indices { result.counts[index] = total.removeFirst() }
        for objective in metrics.indices {
            let count = metrics[objective].numbers.count
            result.metrics[objective].numbers = Array(total.prefix(count))
            total.removeFirst(count)
        }
        return result
    }

    /// Whether all sums are finite.
    package var isFinite: Bool { losses.allSatisfy(\.isFinite) && metrics.allSatisfy { $0.numbers.allSatisfy(\.isFinite) } }

    /// Mean −log p of the predicted tokens, in nats, from the first objective that gives it: the loss itself for language
    /// modeling, else a metric of chosen completions or of the data's tokens. Its exponential is a perplexity.
    package var negativeLogLikelihood: Double? {
        if let index = objectives.firstIndex(where: { $0.objective is LanguageModeling }) { return means[index] }
        for sums in metrics {
            guard let name = ["nll/chosen", "ce"].first(where: sums.names.contains) else { continue }
            return sums[name].mean
        }
        return nil
    }

    /// The fraction of scored rows whose reference values came from a cache; nil if no reference has a cache.
    var referenceCached: Double? { cacheableRows > 0 ? cachedRows / cacheableRows : nil }

    /// Σ weight · mean loss.
    package var loss: Double { zip(objectives, means).reduce(0) { $0 + $1.0.weight * $1.1 } }

    private var means: [Double] { zip(losses, counts).map { $0 / $1 } }

    /// The objectives' figures. If several objectives report the same name, the first one counts. With several objectives,
    /// each also has its mean loss, unweighted.
    package var figures: [Figure] {
        var figures = objectives.count == 1 ? [] : zip(objectives, means).map { Figure("loss/\($0.objective.name)", $1) }
        for sums in metrics {
            for name in sums.names where !figures.contains(where: { $0.name == name }) {
                figures.append(Figure(name, sums[name].mean))
            }
        }
        if let referenceCached { figures.append(Figure("reference_cached", referenceCached)) }
        return figures
    }
}
