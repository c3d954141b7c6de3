// R scored rows (targets) of a micro-batch.

/// A loss over the log-probabilities of a micro-batch: sums, and their gradients, never means.
///
/// The runner divides by a count of the whole step (all micro-batches, all data ranks), so the micro-batch size,
/// accumulation and layout change no result. Conform to it for a loss of your own: it sees the policy's log-probability
/// of every target and each reference's, and returns ∂(sum of losses)/∂(log-probability).
public protocol Objective: Sendable {
    /// What its records are.
    var recordKind: RecordKind { get }
    /// What the sum of losses is divided by.
    var denominator: Denominator { get }
    /// Names of the references whose values it reads.
    var references: [String] { get }
    /// The figures it reports, in the order of `ObjectiveResult.metrics`.
    var metricNames: [String] { get }

    func evaluate(_ batch: ScoredRecords) -> ObjectiveResult
}

/// The kinds of records a dataset holds.
public enum RecordKind: String, Sendable {
    case preference
    case text
}

public enum Denominator: Sendable {
    /// Pairs of the step.
    case pairs
    /// Scored tokens of the step.
    case tokens
}

/// Where the records of a micro-batch lie among its scored rows.
public enum RecordRows: Sendable, Equatable {
    case pairs([Pair])
    case texts([Range<Int>])

    public struct Pair: Sendable, Equatable {
        public var chosen: Range<Int>
        public var rejected: Range<Int>

        public init(chosen: Range<Int>, rejected: Range<Int>) {
            self.chosen = chosen
            self.rejected = rejected
        }
    }
}

/// The values of a micro-batch's scored rows, as every tensor rank sees them.
public struct ScoredRecords: Sendable {
    public var records: RecordRows
    /// `[R]` log p(target) by the policy, nats.
    public var policy: [Double]
    /// `[R]` the same by each reference.
    public var references: [String: [Double]]
    /// `[R]` entropy of the policy's distribution, nats; its mean logit; whether the target is the most probable token.
    public var entropies: [Double]
    public var meanLogits: [Double]
    public var hits: [Bool]

    public init(
        records: RecordRows, policy: [Double], references: [String: [Double]] = [:], entropies: [Double]? = nil,
        meanLogits: [Double]? = nil, hits: [Bool]? = nil
    ) {
        self.records = records
        self.policy = policy
        self.references = references
        self.entropies = entropies ?? policy.map { _ in 0 }
        self.meanLogits = meanLogits ?? policy.map { _ in 0 }
        self.hits = hits ?? policy.map { _ in false }
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

/// What an objective makes of one micro-batch.
public struct ObjectiveResult: Sendable {
    /// Sum of losses over the micro-batch's pairs or tokens.
    public var lossSum: Double
    /// `[R]` ∂lossSum/∂(policy log-probability).
    public var gradients: [Double]
    /// One for each of `metricNames`.
    public var metrics: [MetricSum]

    public init(lossSum: Double, gradients: [Double], metrics: [MetricSum]) {
        self.lossSum = lossSum
        self.gradients = gradients
        self.metrics = metrics
    }
}
