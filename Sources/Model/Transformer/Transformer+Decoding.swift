import Collectives
import Kernels
import Settings
import Tensors

// n new tokens, P tokens seen, D model width, W projections of this rank, V vocabulary.

extension Transformer {
    /// An empty cache for `capacity` tokens, prompt and answer together.
    public func makeDecodingCache(capacity: Int) -> DecodingCache {
        DecodingCache(layerCount: table.blocks.count, width: widths.projections, capacity: capacity)
    }

    /// Computes `tokens`, which follow the tokens in the cache, and returns the logits `[1, V]` of the next token.
    ///
    /// Collective over the tensor ranks; all ranks get the same logits. Long prompts are computed in pieces, which bounds the
    /// memory.
    /// - Precondition: the cache has room for `tokens`.
    public func decode(_ tokens: [Int32], _ cache: DecodingCache) throws(CollectiveError) -> Matrix {
        invariant(!tokens.isEmpty && cache.count + tokens.count <= cache.capacity, "new tokens have room in the cache")
        passCount += 1
        let length = cache.count + tokens.count
        cache.tokens += tokens
        var new = tokens
        if let limit = configuration.cacheLimit, cache.count > 0, cache.count <= limit, length > limit {
            // The keys so far have the angles of short sequences.
            new = cache.tokens
            cache.count = 0
        }
        var last = Matrix(rowCount: 0, columnCount: 0)
        for start in stride(from: 0, to: new.count, by: decodingPiece) {
            let piece = Array(new[start..<min(start + decodingPiece, new.count)])
            last = try decodePiece(piece, cache, length: length)
        }
        return try logits(last)
    }

    /// Most tokens of a prompt that are computed at a time.
    private var decodingPiece: Int { 512 }

    /// The residual stream `[1, D]` after the last block, of the piece's last token.
    ///
    /// - Parameter length: tokens that the cache has after all pieces.
    private func decodePiece(_ tokens: [Int32], _ cache: DecodingCache, length: Int) throws(CollectiveError) -> Matrix {
        let (seen, count) = (cache.count, tokens.count)
        buffers.prepare(tokenCount: count)
        let positions = (0..<Int32(count)).map { Int32(seen) + $0 }
        let lengths = hasLengths ? [Int32](repeating: Int32(length), count: count) : nil
        prepareRotaries(positions, lengths)
        try embed(tokens, positions: positions, into: buffers.residual(0, count))
        var plans: [Int?: AttentionPlan] = [:]
        for layer in table.blocks.indices {
            let window = configuration.blocks[layer].attention.window
            let plan = plans[window] ?? AttentionPlan(continuing: seen, count: count, window: window)
            plans[window] = plan
            var activations = buffers.attention(layer, count)
            activations.projections = cache.projections[layer].rows(seen..<(seen + count))
            try forwardBlock(
                layer, activations, BlockPass(positions: positions, lengths: lengths, selection: nil, attention: plan)
            ) { saved, weights in
                kernels[layer].forward(
                    cache.projections[layer].rows(0..<(seen + count)),
                    sinks: table.blocks[layer].attention.sinks.map { weights.vector($0) }, plan: plan, into: saved.output,
                    logSumExp: saved.logSumExp, firstQuery: seen)
            }
        }
        cache.count += count
        return buffers.residual(table.blocks.count, count).rows((count - 1)..<count)
    }

    /// One row of logits over the full vocabulary, all-reduced over the tensor ranks.
    private func logits(_ state: Matrix) throws(CollectiveError) -> Matrix {
        let normalized = Matrix(rowCount: 1, columnCount: configuration.hiddenSize)
        forward(
            table.finalNorm, state, endWeights, into: normalized,
            statistics: Matrix(rowCount: 1, columnCount: Normalization(configuration.finalNorm).statisticsPerRow))
        if configuration.head.scale != 1 { Elementwise.scale(normalized, by: Float(configuration.head.scale), workers: workers) }
        let logits = Matrix(rowCount: 1, columnCount: configuration.vocabularySize)
        linear(normalized, [(table.head.weight, table.head.bias, logits.columns(vocabulary))], endWeights)
        head.cap(logits.columns(vocabulary))
        observe("logits", logits.columns(vocabulary))
        return try Partial(logits).allReduced(over: tensor)
    }
}
