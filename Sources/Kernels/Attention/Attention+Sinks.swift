import Foundation
import Tensors

// T tokens, G key/value heads on this rank, J query heads a group.

extension Attention {
    /// `sinkGradient[1, G·J] += −Σ p · (o·∂o)` over queries, where p = e^(sink − logSumExp) is the sink's share of a softmax: a
    /// sink has no value, so its score gets only the correction of the softmax.
    ///
    /// Each head is summed by one thread in Double, in the plan's order.
    /// - Parameter corrections: `[T, G·J]` Σ o·∂o
    func addSinkGradients(
        _ sinks: Matrix, logSumExp: Matrix, corrections: Matrix, plan: AttentionPlan, to sinkGradient: Matrix
    ) {
        workers.run(corrections.columnCount) { head, _ in
            let sink = sinks[0, head]
            var sum = 0.0
            for block in plan.units.lazy.flatMap(\.blocks) {
                for token in block.queries {
                    sum += exp(Double(sink - logSumExp[token, head])) * Double(corrections[token, head])
                }
            }
            sinkGradient[0, head] -= Float(sum)
        }
    }
}
