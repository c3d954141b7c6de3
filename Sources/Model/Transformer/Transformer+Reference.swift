import Collectives
import Kernels
import Tensors

// U scored hidden rows, R targets, D model width.

extension Transformer where Kind == Frozen {
    /// The values of a frozen model that losses need. Collective over the tensor ranks; all ranks get the same
    /// log-probabilities and hidden states.
    ///
    /// - Parameters:
    ///   - scoring: whether to compute log-probabilities `[R]`. If false there are none, and the head is not computed.
    ///   - layers: blocks whose output is kept at the scored positions.
    public func values(
        for plan: ForwardPlan, scoring: Bool, keeping layers: Set<Int>
    ) throws(CollectiveError) -> (logProbabilities: [Double], states: ReferenceStates) {
        let logProbabilities: [Double]
        if scoring {
            logProbabilities = try forward(plan, ForwardRequest(layers: layers)).scored.logProbabilities
        } else {
            try runBlocks(plan, keeping: layers)
            logProbabilities = []
        }
        let states = ReferenceStates(
            hidden: scoring ? scoredStates(plan).normalized : normalizedStates(plan).normalized,
            head: HeadView(weight: parameters.weight(table.head.weight), bias: headBias, softCap: configuration.head.softCap),
            layers: keptLayers(layers, plan))
        return (logProbabilities, states)
    }
}

extension ForwardRequest {
    var referenceHeads: [ReferenceHead] {
        references.compactMap { name, states in
            states.head.map { ReferenceHead(name: name, hidden: states.hidden, weight: $0.weight, bias: $0.bias, softCap: $0.softCap) }
        }
    }
}
