import Kernels
import Settings
import Tensors

// R scored rows (targets) of a micro-batch.

/// The values of a micro-batch's scored rows, as every tensor rank sees them.
public struct ScoredRecords: Sendable {
    public var records: [RecordLayout]
    /// `[R]` log p(target) by the policy, nats.
    public var policy: [Double]
    /// `[R]` log p(target) by each reference that the objective names, nats.
    public var references: [String: [Double]]
    /// `[R]` the entropy of the policy's distribution, nats; its mean logit; its most probable token; whether this token is
    /// the target.
    public var entropies: [Double]
    public var meanLogits: [Double]
    public var mostProbable: [Int]
    public var hits: [Bool]
    /// For each of the objective's `terms` the values at every row.
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
