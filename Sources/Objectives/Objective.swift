import Kernels
import Settings
import Tensors

// R scored rows (targets) of a micro-batch.

/// A loss of a micro-batch: sums and their gradients, never means.
///
/// The runner divides by a count of the whole step (all micro-batches, all data ranks), so the micro-batch size, accumulation
/// and layout change no result.
///
/// Conform to `Objective` for a loss of your own. It gets the log-probability of every target from the policy and from each
/// reference, and returns ∂(sum of losses)/∂(log-probability). A loss that needs more than these log-probabilities names
/// `terms`: they get whole distributions, one tile at a time, or hidden states.
public protocol Objective: Sendable {
    /// The NAME of the metric `loss/NAME` in a run with several objectives.
    var name: String { get }
    /// Kinds of datasets that the objective can learn from.
    var datasetKinds: Set<DatasetKind> { get }
    /// Which tokens are scored for the objective.
    var tokens: ScoredTokens { get }
    /// Names of the references whose log-probabilities the objective reads.
    var references: [String] { get }
    /// Losses per row that the objective uses besides log-probabilities. They are computed while logits and hidden states are
    /// in memory.
    var terms: [RowTerm] { get }
    /// Names of the metrics that the objective reports, in the order of `ObjectiveResult.metrics`.
    var metricNames: [String] { get }

    /// The contribution of `records` to the loss's divisor: their number of pairs or of counted tokens. The step's sum of
    /// losses is divided by the step's total.
    func count(_ records: [RecordLayout]) -> Int
    func evaluate(_ batch: ScoredRecords) -> ObjectiveResult
    /// The gradients of `evaluate` if they do not depend on computed values (a plain likelihood, a sum of terms). The head
    /// then runs backward while it still holds its logits. Nil for every other loss.
    func constantGradients(_ records: [RecordLayout], rowCount: Int) -> ObjectiveGradients?
}

extension Objective {
    public var tokens: ScoredTokens { .completion }
    public var references: [String] { [] }
    public var terms: [RowTerm] { [] }
    public func constantGradients(_ records: [RecordLayout], rowCount: Int) -> ObjectiveGradients? { nil }
}
