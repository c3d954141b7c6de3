import Kernels
import Settings
import Tensors

/// From the last hidden states to logits, sharded over the vocabulary. The kernel `Head` computes it.
struct HeadLayer: Sendable {
    let configuration: HeadConfiguration
    /// The embedding's index if the head is tied.
    let weight: Int
    let bias: Int?

    init(_ model: ModelConfiguration, embedding: EmbeddingLayer, in list: inout ParameterList) {
        configuration = model.head
        weight =
            model.head.isTied
            ? embedding.tokens : list.matrix("lm_head.weight", model.vocabularySize, model.hiddenSize, .rows(.vocabulary))
        bias = model.head.hasBias ? list.vector("lm_head.bias", model.vocabularySize, .columns(.vocabulary), .zeros) : nil
    }

    var parameters: [Int] { [weight] + [bias].compactMap(\.self) }
}
