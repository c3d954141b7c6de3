import Collectives
import Kernels
import Model
import Tensors

/// Something that is computed for a micro-batch before the policy's forward and joins it: reference values, above all.
///
/// The runner calls every hook before each micro-batch, in order, on all ranks of the tensor axis.
public protocol PreprocessingHook {
    /// The key of its values in `ScoredRecords.references`.
    var name: String { get }
    /// `[R]` a value for each scored row of `plan`.
    func values(for plan: ForwardPlan) throws(CollectiveError) -> [Double]
}

/// A frozen reference's log-probabilities of the micro-batch's targets.
public final class ReferenceForward: PreprocessingHook {
    public let name: String
    public let model: Transformer<Frozen>

    public init(name: String, model: Transformer<Frozen>) {
        self.name = name
        self.model = model
    }

    public func values(for plan: ForwardPlan) throws(CollectiveError) -> [Double] {
        try model.forward(plan).scored.logProbabilities
    }
}
