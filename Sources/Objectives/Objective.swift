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
