import Collectives
import Kernels
import Settings
import Tensors

// T tokens, D model width.

/// From tokens to the residual stream: a row of a table, scaled, and a row of a second table by position. The first table is
/// sharded over the vocabulary, the second one is replicated.
struct EmbeddingLayer: Sendable {
    let configuration: EmbeddingConfiguration
    let tokens: Int
    let positions: Int?

    init(_ model: ModelConfiguration, in list: inout ParameterList) {
        configuration = model.embedding
        tokens = list.matrix("model.embed_tokens.weight", model.vocabularySize, model.hiddenSize, .rows(.vocabulary))
        positions = configuration.positionCount.map { list.matrix("model.embed_positions.weight", $0, model.hiddenSize, .replicated) }
    }
}

extension Transformer {
    /// `stream[T, D]`. Collective over the tensor ranks.
    func embed(_ tokens: [Int32], positions: [Int32], into stream: Matrix) throws(CollectiveError) {
        let layer = table.embedding
        Embedding.forward(tokens, table: parameters.weight(layer.tokens), range: vocabulary, into: stream, workers: workers)
        _ = try Partial(stream).allReduced(over: tensor)
        if layer.configuration.scale != 1 { Elementwise.scale(stream, by: Float(layer.configuration.scale), workers: workers) }
        if let table = layer.positions {
            let rows = parameters.weight(table).floats(using: widened[0], workers: workers)
            for (token, position) in positions.enumerated() {
                invariant(Int(position) < rows.rowCount, "a position is in the table")
                Elementwise.add(rows.row(Int(position)), to: stream.row(token), count: stream.columnCount)
            }
        }
        observe(module(layer.tokens) + " output", stream)
    }
}

extension Transformer where Kind == Trainable {
    /// Adds to the gradients of the tables, from the gradient `[T, D]` of the stream, which is scaled in place.
    func backwardEmbedding(_ gradient: Matrix, tokens: [Int32], positions: [Int32]) {
        let layer = table.embedding
        if let table = layer.positions {
            let rows = parameters.gradients[table]
            for (token, position) in positions.enumerated() {
                Elementwise.add(gradient.row(token), to: rows.row(Int(position)), count: gradient.columnCount)
            }
        }
        if layer.configuration.scale != 1 { Elementwise.scale(gradient, by: Float(layer.configuration.scale), workers: workers) }
        Embedding.backward(
            gradient, tokens: tokens, range: vocabulary, into: parameters.gradients[layer.tokens], workers: workers)
    }
}
