import Collectives
import Model

/// Something that is computed for a micro-batch before the policy's forward and joins it: reference values, above all.
///
/// The runner calls every hook before each micro-batch, in order, on all ranks of the tensor axis.
public protocol PreprocessingHook {
    /// What objectives call its values by.
    var name: String { get }
    func values(for plan: ForwardPlan) throws(CollectiveError) -> HookValues
}
