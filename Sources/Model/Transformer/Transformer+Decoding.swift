import Collectives
import Kernels
import Settings
import Tensors

// n new tokens, P tokens seen, D model width, W projections of this rank, V vocabulary.

extension Transformer {
    /// An empty cache for `capacity` tokens, prompt and answer together.
    public func makeDecodingCache(capacity: Int) -> DecodingCache {
        DecodingCache(layerCount: table.blocks.count, width: attention.projectionWidth, capacity: capacity)
    }

    /// Computes `tokens`, which follow the tokens in the cache, and returns the logits `[1, V]` of the next token.
    ///
    /// Collective over the tensor ranks; all ranks get the same logits. Long prompts are computed in pieces, which bounds the
    /// memory.
    /// - Precondition: the cache has room for `tokens`.
    public func decode(_ tokens: [Int32], _ cache: DecodingCache) throws(CollectiveError) -> Matrix {
        invariant(!tokens.isEmpty && cache.count + tokens.count <= cache.capacity, "new tokens have room in the cache")
        passCount += 1
        var last = Matrix(rowCount: 0, columnCount: 0)
        for start in stride(from: 0, to: tokens.count, by: decodingPiece) {
            let piece = Array(tokens[start..<min(start + decodingPiece, tokens.count)])
            last = try decodePiece(piece, cache)
        }
        return try logits(last)
    }

    /// Most tokens of a prompt that are computed at a time.
    private var decodingPiece: Int { 512 }

    /// The residual stream `[1, D]` after the last block, of the piece's last token.
    private func decodePiece(_ tokens: [Int32], _ cache: DecodingCache) throws(CollectiveError) -> Matrix {
        let (seen, count) = (cache.count, tokens.count)
        buffers.prepare(tokenCount: count)
        let positions = (0..<Int32(count)).map { Int32(seen) + $0 }
        let rotary = rotary(for: positions)
        let plan = AttentionPlan(continuing: seen, count: count)
        let embedded = buffers.residual(0, count)
        Embedding.forward(
            tokens, table: parameters.weight(table.embedding), range: vocabulary, into: embedded, workers: workers)
        _ = try Partial(embedded).allReduced(over: tensor)
        observe(module(table.embedding) + " output", embedded)
        for layer in table.blocks.indices {
            let rows = cache.projections[layer].rows(seen..<(seen + count))
            var activations = buffers.attention(layer, count)
            activations.projections = rows
            try forwardBlock(layer, activations, positions: positions, rotary) {
                attention.forward(
                    cache.projections[layer].rows(0..<(seen + count)), plan: plan, into: $0.output,
                    logSumExp: $0.logSumExp, firstQuery: seen)
            }
        }
        cache.count += count
        return buffers.residual(table.blocks.count, count).rows((count - 1)..<count)
    }

    /// One row of logits over the full vocabulary, all-reduced over the tensor ranks.
    private func logits(_ state: Matrix) throws(CollectiveError) -> Matrix {
        let normalized = Matrix(rowCount: 1, columnCount: configuration.hiddenSize)
        RootMeanSquareNorm.forward(
            state, weight: parameters.vector(table.finalNorm), epsilon: configuration.normEpsilon, into: normalized,
            inverseRoot: Matrix(rowCount: 1, columnCount: 1), workers: workers)
        observe(module(table.finalNorm) + " output", normalized)
        let logits = Matrix(rowCount: 1, columnCount: configuration.vocabularySize)
        linear(normalized, [(table.head, nil, logits.columns(vocabulary))])
        observe("logits", logits.columns(vocabulary))
        return try Partial(logits).allReduced(over: tensor)
    }
}
