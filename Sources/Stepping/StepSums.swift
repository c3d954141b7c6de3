import Collectives
import Datasets
import Model
import Objectives
import References

/// Sums over micro-batches, and later over data ranks, of what a step or an evaluation reports.
package struct StepSums {
    /// A sum of losses for each objective, and what it is divided by.
    var losses: [Double]
    var counts: [Double]
    /// For each objective its metrics.
    var metrics: [[MetricSum]]
    /// Tokens computed by the policy, and sequence tokens.
    package var tokens = 0.0
    package var sequenceTokens = 0.0
    /// Of the tokens those of this data rank, once sums were made.
    package private(set) var ownTokens = 0.0
    /// Scored rows of micro-batches, each once for every reference that has a cache; and those whose values it had.
    var cacheableRows = 0.0
    var cachedRows = 0.0
    private let objectives: [WeightedObjective]

    package init(_ objectives: [WeightedObjective]) {
        self.objectives = objectives
        losses = objectives.map { _ in 0 }
        counts = losses
        metrics = objectives.map { $0.objective.metricNames.map { _ in MetricSum() } }
    }

    mutating func add(_ result: ObjectiveResult, ofObjective index: Int) {
        losses[index] += result.lossSum
        for (metric, value) in result.metrics.enumerated() { metrics[index][metric] += value }
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
        let flat = [tokens, sequenceTokens, cacheableRows, cachedRows] + losses + counts + metrics.joined().flatMap { [$0.sum, $0.count] }
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
            for metric in metrics[objective].indices {
                result.metrics[objective][metric] = MetricSum(sum: total.removeFirst(), count: total.removeFirst())
            }
        }
        return result
    }

    /// Whether all sums are numbers.
    package var isFinite: Bool { losses.allSatisfy(\.isFinite) && metrics.joined().allSatisfy(\.sum.isFinite) }

    /// Mean −log p of the tokens to be predicted, nats, by the first objective that tells it: of a likelihood its own loss, else
    /// what it reports of chosen completions or of the data's tokens. Its exponential is a perplexity.
    package var negativeLogLikelihood: Double? {
        if let index = objectives.firstIndex(where: { $0.objective is LanguageModeling }) { return means[index] }
        for (entry, sums) in zip(objectives, metrics) {
            let names = entry.objective.metricNames
            guard let metric = names.firstIndex(of: "nll/chosen") ?? names.firstIndex(of: "ce") else { continue }
            return sums[metric].sum / sums[metric].count
        }
        return nil
    }

    /// The share of the scored rows whose reference values came from a cache; nil where no reference has one.
    var referenceCached: Double? { cacheableRows > 0 ? cachedRows / cacheableRows : nil }

    /// Σ weight · mean loss.
    package var loss: Double { zip(objectives, means).reduce(0) { $0 + $1.0.weight * $1.1 } }

    private var means: [Double] { zip(losses, counts).map { $0 / $1 } }

    /// The objectives' own figures. Where several report one of the same name, the first one's counts; each also has its
    /// mean loss, unweighted.
    package var figures: [Figure] {
        var figures = objectives.count == 1 ? [] : zip(objectives, means).map { Figure("loss/\($0.objective.name)", $1) }
        for (entry, sums) in zip(objectives, metrics) {
            for (name, metric) in zip(entry.objective.metricNames, sums) where !figures.contains(where: { $0.name == name }) {
                figures.append(Figure(name, metric.sum / metric.count))
            }
        }
        if let referenceCached { figures.append(Figure("reference_cached", referenceCached)) }
        return figures
    }
}
