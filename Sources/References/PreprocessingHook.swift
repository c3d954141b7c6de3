import Collectives
import Model

/// A computation for a micro-batch before the policy's forward, mainly of reference values.
///
/// The runner calls every hook before each micro-batch, in order, on all ranks of the tensor axis.
public protocol PreprocessingHook {
    /// The name by which objectives read the values.
    var name: String { get }
    func values(for plan: ForwardPlan) throws(CollectiveError) -> HookValues
}
