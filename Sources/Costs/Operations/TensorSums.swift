import Model
import Settings

/// What tensor ranks add up in a micro-batch.
public struct TensorSums: Equatable {
    /// Sums of so many bytes.
    public var messages: [(count: Int, bytes: Double)] = []
    public var byteCount: Double { messages.reduce(0) { $0 + Double($1.count) * $1.bytes } }

    public static func == (one: TensorSums, other: TensorSums) -> Bool { one.messages.elementsEqual(other.messages) { $0 == $1 } }

    /// `[T, D]` after the embedding, and twice in each block; `[L, D]` in the last.
    public init(reference model: ModelConfiguration, _ workload: StepWorkload) {
        let row = 4 * Double(model.hiddenSize)
        messages = [
            (2 * model.layerCount - 1, row * Double(workload.tokens)), (2, row * Double(workload.lastBlockRows)),
        ]
    }

    /// The same once more backward, where the last block's attention has all tokens and the head's scored rows take the
    /// embedding's place; with `recompute: block` attention's sums of all blocks but the last a second time.
    public init(policy model: ModelConfiguration, _ workload: StepWorkload, recompute: Recomputation) {
        self.init(reference: model, workload)
        let row = 4 * Double(model.hiddenSize)
        messages += [
            (2 * model.layerCount - 1, row * Double(workload.tokens)), (1, row * Double(workload.lastBlockRows)),
            (1, row * Double(workload.scoredRows)),
        ]
        if recompute == .block { messages.append((model.layerCount - 1, row * Double(workload.tokens))) }
    }
}
