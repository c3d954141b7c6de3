import Costs
import Model
import Settings
import Stepping

/// What tensor ranks add up in a micro-batch.
struct TensorSums: Equatable {
    /// Sums of so many bytes.
    var messages: [(count: Int, bytes: Double)] = []
    var byteCount: Double { messages.reduce(0) { $0 + Double($1.count) * $1.bytes } }

    static func == (one: TensorSums, other: TensorSums) -> Bool { one.messages.elementsEqual(other.messages) { $0 == $1 } }

    /// `[T, D]` after the embedding, and twice in each block; `[L, D]` in the last.
    init(reference model: ModelConfiguration, _ workload: StepWorkload) {
        let row = 4 * Double(model.hiddenSize)
        messages = [
            (2 * model.layerCount - 1, row * Double(workload.tokens)), (2, row * Double(workload.lastBlockRows)),
        ]
    }

    /// The same once more backward, where the last block's attention has all tokens and the head's scored rows take the
    /// embedding's place; with `recompute: block` attention's sums of all blocks but the last a second time.
    init(policy model: ModelConfiguration, _ workload: StepWorkload, recompute: Recomputation) {
        self.init(reference: model, workload)
        let row = 4 * Double(model.hiddenSize)
        messages += [
            (2 * model.layerCount - 1, row * Double(workload.tokens)), (1, row * Double(workload.lastBlockRows)),
            (1, row * Double(workload.scoredRows)),
        ]
        if recompute == .block { messages.append((model.layerCount - 1, row * Double(workload.tokens))) }
    }
}
