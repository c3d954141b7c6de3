import Collectives
import Kernels
import Model
import Tensors

/// Something that is computed for a micro-batch before the policy's forward and joins it: reference values, above all.
///
/// The runner calls every hook before each micro-batch, in order, on all ranks of the tensor axis.
public protocol PreprocessingHook {
    /// What objectives call its values by.
    var name: String { get }
    func values(for plan: ForwardPlan) throws(CollectiveError) -> HookValues
}

/// What a hook adds to a micro-batch.
public struct HookValues {
    /// `[R]` a value for each scored row of the plan; empty where no objective reads it.
    public var logProbabilities: [Double]
    /// What losses over whole distributions and states read.
    public var states: ReferenceStates?

    public init(logProbabilities: [Double], states: ReferenceStates? = nil) {
        self.logProbabilities = logProbabilities
        self.states = states
    }
}

/// What objectives read of a reference.
public struct ReferenceNeeds {
    public internal(set) var logProbabilities = false
    public internal(set) var distributions = false
    /// Blocks whose states are read.
    public internal(set) var layers: Set<Int> = []
}

/// A frozen reference's forward: log-probabilities of the micro-batch's targets, hidden states, or both.
public final class ReferenceForward: PreprocessingHook {
    public let name: String
    public let model: Transformer<Frozen>
    private let scoring: Bool
    private let layers: Set<Int>

    /// - Parameters:
    ///   - scoring: whether an objective reads its log-probabilities.
    ///   - layers: blocks whose states an objective reads.
    public init(name: String, model: Transformer<Frozen>, scoring: Bool = true, layers: Set<Int> = []) {
        self.name = name
        self.model = model
        self.scoring = scoring
        self.layers = layers
    }

    public func values(for plan: ForwardPlan) throws(CollectiveError) -> HookValues {
        let values = try model.values(for: plan, scoring: scoring, keeping: layers)
        return HookValues(logProbabilities: values.logProbabilities, states: values.states)
    }
}
