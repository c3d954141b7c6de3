import Model
import Settings

/// What tensor ranks add up in a micro-batch.
public struct TensorSums: Equatable {
    /// Sums of so many bytes.
    public var messages: [(count: Int, bytes: Double)] = []
    public var byteCount: Double { messages.reduce(0) { $0 + Double($1.count) * $1.bytes } }

    public static func == (one: TensorSums, other: TensorSums) -> Bool { one.messages.elementsEqual(other.messages) { $0 == $1 } }

    /// `[T, D]` after the embedding, and after each sublayer of a block, or once after both of a parallel block; `[L, D]` in the
    /// last block.
    public init(reference model: ModelConfiguration, _ workload: StepWorkload) {
        let row = 4 * Double(model.hiddenSize)
        let sums = model.blocks.map { $0.isParallel ? 1 : 2 }
        messages = [
            (1 + sums.dropLast().reduce(0, +), row * Double(workload.tokens)), (sums.last ?? 0, row * Double(workload.lastBlockRows)),
        ]
    }

    /// The same, and once for each norm before a sublayer backward. The last block's attention has all tokens there, and the
    /// head's scored rows take the embedding's place. With recomputation some sums of all blocks but the last are made a
    /// second time.
    public init(policy model: ModelConfiguration, _ workload: StepWorkload, recompute: Recomputation) {
        self.init(reference: model, workload)
        let row = 4 * Double(model.hiddenSize)
        let sums = model.blocks.map { $0.residual == .parallel(isNormShared: true) ? 1 : 2 }
        messages += [
            (1 + sums.dropLast().reduce(0, +), row * Double(workload.tokens)),
            (max(0, (sums.last ?? 0) - 1), row * Double(workload.lastBlockRows)), (1, row * Double(workload.scoredRows)),
        ]
        let repeated = model.blocks.dropLast().reduce(0) { $0 + TensorSums.repeated($1.residual, recompute) }
        if repeated > 0 { messages.append((repeated, row * Double(workload.tokens))) }
    }

    /// Sums that backward makes again in a block. A norm behind attention needs the layer's full output once more.
    private static func repeated(_ residual: BlockConfiguration.Residual, _ recompute: Recomputation) -> Int {
        switch (residual, recompute) {
        case (_, .nothing), (.parallel, _), (.preNorm, .attention): 0
        case (.preNorm, .block), (.postNorm, .attention), (.sandwich, .attention): 1
        case (.postNorm, .block), (.sandwich, .block): 2
        }
    }
}
