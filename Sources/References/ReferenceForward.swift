import Collectives
import Model

/// A frozen reference's forward: log-probabilities of the micro-batch's targets, hidden states, or both.
public final class ReferenceForward: PreprocessingHook {
    public let name: String
    public let model: Transformer<Frozen>
    private let scoring: Bool
    private let layers: Set<Int>

    /// - Parameters:
    ///   - scoring: whether an objective reads its log-probabilities.
    ///   - layers: blocks whose hidden states an objective reads.
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
