import Kernels
import Settings
import Tensors

// R scored rows (targets) of a micro-batch.

/// A loss of a micro-batch: sums, and their gradients, never means.
///
/// The runner divides by a count of the whole step (all micro-batches, all data ranks), so the micro-batch size,
/// accumulation and layout change no result. Conform to it for a loss of your own: it sees the policy's log-probability of
/// every target and each reference's, and returns ∂(sum of losses)/∂(log-probability). A loss that needs more than the
/// targets' log-probabilities names `terms`, which see whole distributions a tile at a time.
public protocol Objective: Sendable {
    /// What `loss/NAME` is called where a run has several objectives.
    var name: String { get }
    /// Kinds of datasets that it can learn from.
    var datasetKinds: Set<DatasetKind> { get }
    /// Which tokens are scored for it.
    var tokens: ScoredTokens { get }
    /// Names of the references whose log-probabilities it reads.
    var references: [String] { get }
    /// Losses of single rows that it is made of, besides log-probabilities; computed where the logits and states are.
    var terms: [RowTerm] { get }
    /// The figures it reports, in the order of `ObjectiveResult.metrics`.
    var metricNames: [String] { get }

    /// What the sum of losses is divided by, this micro-batch's share of it: pairs, or tokens.
    func count(_ records: [RecordLayout]) -> Int
    func evaluate(_ batch: ScoredRecords) -> ObjectiveResult
    /// The gradients of `evaluate`, where no value of the micro-batch changes them (a plain likelihood, a sum of terms): the
    /// head then goes backward while it still holds its logits. Nil for every other loss.
    func constantGradients(_ records: [RecordLayout], rowCount: Int) -> ObjectiveGradients?
}

extension Objective {
    public var tokens: ScoredTokens { .completion }
    public var references: [String] { [] }
    public var terms: [RowTerm] { [] }
    public func constantGradients(_ records: [RecordLayout], rowCount: Int) -> ObjectiveGradients? { nil }
}

/// A loss of each scored row, which an objective adds up and weighs.
public enum RowTerm: Sendable {
    /// Of the policy's distribution over the vocabulary, beside those of references.
    case distribution(any DistributionLoss)
    /// Of the residual stream after a block, against a reference's.
    case states(StateMatching)
}

/// A term that pulls the policy's residual stream after some blocks towards a reference's, at the scored positions.
public struct StateMatching: Equatable, Sendable {
    public struct Layers: Equatable, Sendable {
        /// Blocks, counted from 0.
        public var policy, reference: Int

        public init(policy: Int, reference: Int) {
            self.policy = policy
            self.reference = reference
        }
    }

    public enum Measure: Sendable {
        /// Mean over the reference's width of (P·h − g)².
        case meanSquaredError
        /// 1 − cos(P·h, g)
        case cosine
    }

    public var reference: String
    public var layers: [Layers]
    public var measure: Measure

    public init(reference: String, layers: [Layers], measure: Measure) {
        self.reference = reference
        self.layers = layers
        self.measure = measure
    }
}

/// The values of a micro-batch's scored rows, as every tensor rank sees them.
public struct ScoredRecords: Sendable {
    public var records: [RecordLayout]
    /// `[R]` log p(target) by the policy, nats.
    public var policy: [Double]
    /// `[R]` the same by each reference that the objective names.
    public var references: [String: [Double]]
    /// `[R]` entropy of the policy's distribution, nats; its mean logit; its most probable token; whether that is the target.
    public var entropies: [Double]
    public var meanLogits: [Double]
    public var mostProbable: [Int]
    public var hits: [Bool]
    /// For each of the objective's `terms` its rows' losses.
    public var terms: [TermValues]

    public init(
        records: [RecordLayout], policy: [Double], references: [String: [Double]] = [:], entropies: [Double]? = nil,
        meanLogits: [Double]? = nil, mostProbable: [Int]? = nil, hits: [Bool]? = nil, terms: [TermValues] = []
    ) {
        self.records = records
        self.policy = policy
        self.references = references
        self.entropies = entropies ?? policy.map { _ in 0 }
        self.meanLogits = meanLogits ?? policy.map { _ in 0 }
        self.mostProbable = mostProbable ?? policy.map { _ in 0 }
        self.hits = hits ?? policy.map { _ in false }
        self.terms = terms
    }
}

/// A term's values at every scored row.
public struct TermValues: Sendable {
    /// `[R]`
    public var losses: [Double]
    /// `[R]` what is known of the distributions; empty for a term of states.
    public var rows: [DistributionRow]

    public init(losses: [Double], rows: [DistributionRow] = []) {
        self.losses = losses
        self.rows = rows
    }
}

/// A sum and what to divide it by, once both were added up over the whole step.
public struct MetricSum: Sendable, Equatable {
    public var sum: Double
    public var count: Double

    public init(sum: Double = 0, count: Double = 0) {
        self.sum = sum
        self.count = count
    }

    public static func += (left: inout MetricSum, right: MetricSum) {
        left.sum += right.sum
        left.count += right.count
    }
}

/// What an objective's sum of losses is to the values that it was made of.
public struct ObjectiveGradients: Sendable {
    /// `[R]` ∂lossSum/∂(policy log-probability).
    public var targets: [Double]
    /// For each of `terms`, `[R]`: ∂lossSum/∂(the term's loss of the row).
    public var terms: [[Double]]

    public init(targets: [Double], terms: [[Double]] = []) {
        self.targets = targets
        self.terms = terms
    }
}

/// What an objective makes of one micro-batch.
public struct ObjectiveResult: Sendable {
    /// Sum of losses over the micro-batch's pairs or tokens.
    public var lossSum: Double
    public var gradients: ObjectiveGradients
    /// One for each of `metricNames`.
    public var metrics: [MetricSum]

    public init(lossSum: Double, gradients: ObjectiveGradients, metrics: [MetricSum]) {
        self.lossSum = lossSum
        self.gradients = gradients
        self.metrics = metrics
    }
}
