import Collectives
import Kernels
import Settings
import Tensors

// T tokens, L tokens with an output, D model width.

extension Transformer where Kind == Trainable {
    /// Backward of a block, from the gradient `[L, D]` of its output stream to that of its input stream `[T, D]`. Collective over
    /// the tensor ranks.
    ///
    /// - Parameter feedForwardEnded: called when the gradients of the feed-forward layer's parameters are final.
    func backwardBlock(
        _ layer: Int, _ gradient: Matrix, _ pass: BlockPass, _ weights: LayerWeights, feedForwardEnded: () -> Void
    ) throws(CollectiveError) -> Matrix {
        let block = table.blocks[layer]
        if block.isParallel { return try backwardParallel(layer, gradient, pass, weights, feedForwardEnded: feedForwardEnded) }
        try backwardFeedForward(layer, gradient, weights)
        observeGradients(parametersOfFeedForward(block))
        if let norm = block.feedForwardNorm { observe("gradient of " + norm.module + " input", gradient) }
        feedForwardEnded()
        let saved = buffers.attention(layer, pass.count)
        let updateGradient = updateGradient(
            gradient, block, weights, norm: block.attentionOutputNorm, saved.update, saved.updateStatistics)
        let normalizedGradient = buffers.scratch(.normalizedGradient, pass.count)
        try backwardAttention(
            layer, updateGradient, saved, pass, weights, normalized: { normalizedInput(layer, pass.count, weights) }, into: normalizedGradient)
        let whole = try Partial(normalizedGradient).allReduced(over: tensor)
        let inputGradient = scattered(gradient, pass)
        backwardInputNorm(
            block.attentionNorm, whole, weights, input: buffers.residual(layer, pass.count), saved.statistics, into: inputGradient)
        observeGradients(parametersOfAttention(block))
        return inputGradient
    }

    /// Backward of the feed-forward sublayer: turns the gradient `[L, D]` of its output stream into the gradient of its input
    /// stream, in place.
    private func backwardFeedForward(_ layer: Int, _ gradient: Matrix, _ weights: LayerWeights) throws(CollectiveError) {
        let block = table.blocks[layer]
        let saved = buffers.feedForward(layer, gradient.rowCount)
        let updateGradient = updateGradient(
            gradient, block, weights, norm: block.feedForwardOutputNorm, saved.update, saved.updateStatistics)
        let normalizedGradient = buffers.scratch(.normalizedGradient, gradient.rowCount)
        backward(
            block.feedForward, updateGradient, saved, weights,
            normalized: {
                guard let norm = block.feedForwardNorm else { return saved.middle }
                let normalized = buffers.normalized(gradient.rowCount)
                recompute(norm, saved.middle, weights, statistics: saved.statistics, into: normalized)
                return normalized
            }, into: normalizedGradient)
        let whole = try Partial(normalizedGradient).allReduced(over: tensor)
        backwardInputNorm(block.feedForwardNorm, whole, weights, input: saved.middle, saved.statistics, into: gradient)
    }

    /// The gradient of what a sublayer's linear layers give, from the gradient of the stream: scaled, and through the norm behind
    /// the sublayer. It is the stream's own gradient where the block has neither.
    private func updateGradient(
        _ gradient: Matrix, _ block: BlockLayer, _ weights: LayerWeights, norm: NormLayer?, _ update: Matrix, _ statistics: Matrix
    ) -> Matrix {
        let scale = Float(block.configuration.residualScale)
        guard norm != nil || scale != 1 else { return gradient }
        let result = buffers.scratch(.updateGradient, gradient.rowCount)
        result.copy(from: gradient)
        if scale != 1 { Elementwise.scale(result, by: scale, workers: workers) }
        if let norm {
            backward(
                norm, result, weights, input: update.rows(0..<gradient.rowCount), statistics: statistics.rows(0..<gradient.rowCount),
                into: result, accumulate: false)
        }
        return result
    }

    /// Adds the gradient through a norm before a sublayer to the stream's gradient; without a norm the gradient itself.
    private func backwardInputNorm(
        _ norm: NormLayer?, _ normalizedGradient: Matrix, _ weights: LayerWeights, input: Matrix, _ statistics: Matrix, into gradient: Matrix
    ) {
        if let norm {
            backward(norm, normalizedGradient, weights, input: input, statistics: statistics, into: gradient, accumulate: true)
        } else {
            Elementwise.sum(gradient, normalizedGradient, into: gradient, workers: workers)
        }
    }

    /// `[T, D]` the stream's gradient: zero for tokens without an output. It is `gradient` itself if all tokens have one.
    private func scattered(_ gradient: Matrix, _ pass: BlockPass) -> Matrix {
        guard let selection = pass.selection else { return gradient }
        let all = buffers.scratch(.residualGradient, pass.count)
        invariant(all.pointer != gradient.pointer, "the gradient of the chosen rows has its own memory")
        all.fill(0)
        selection.scatter(gradient, into: all, workers: workers)
        return all
    }

    /// `[T, D]` attention's normalised input once more.
    func normalizedInput(_ layer: Int, _ count: Int, _ weights: LayerWeights) -> Matrix {
        let input = buffers.residual(layer, count)
        guard let norm = table.blocks[layer].attentionNorm else { return input }
        let normalized = buffers.normalized(count)
        recompute(norm, input, weights, statistics: buffers.attention(layer, count).statistics, into: normalized)
        return normalized
    }

    // MARK: Parallel blocks

    private func backwardParallel(
        _ layer: Int, _ gradient: Matrix, _ pass: BlockPass, _ weights: LayerWeights, feedForwardEnded: () -> Void
    ) throws(CollectiveError) -> Matrix {
        let block = table.blocks[layer]
        let (saved, fed) = (buffers.attention(layer, pass.count), buffers.feedForward(layer, gradient.rowCount))
        let updateGradient = updateGradient(gradient, block, weights, norm: nil, saved.update, saved.updateStatistics)
        let normalized = normalizedInput(layer, pass.count, weights)
        let fedGradient = buffers.scratch(.secondGradient, gradient.rowCount)
        backward(
            block.feedForward, updateGradient, fed, weights,
            normalized: { parallelInput(layer, pass, normalized, weights, isRecomputed: true) },
            into: fedGradient)
        let normalizedGradient = buffers.scratch(.normalizedGradient, pass.count)
        var streamGradient = gradient
        if let norm = block.feedForwardNorm {
            let whole = try Partial(fedGradient).allReduced(over: tensor)
            // The stream's gradient changes below, and attention needs it as it is.
            streamGradient = second(gradient.rowCount)
            streamGradient.copy(from: gradient)
            let input = gathered(buffers.residual(layer, pass.count), pass.selection)
            backward(norm, whole, weights, input: input, statistics: fed.statistics, into: streamGradient, accumulate: true)
            observeGradients(parametersOfFeedForward(block))
            feedForwardEnded()
        }
        try backwardAttention(
            layer, updateGradient, saved, pass, weights, normalized: { normalized }, into: normalizedGradient)
        if block.feedForwardNorm == nil {
            if let selection = pass.selection {
                selection.add(fedGradient, to: normalizedGradient, workers: workers)
            } else {
                Elementwise.sum(normalizedGradient, fedGradient, into: normalizedGradient, workers: workers)
            }
            observeGradients(parametersOfFeedForward(block))
            feedForwardEnded()
        }
        let whole = try Partial(normalizedGradient).allReduced(over: tensor)
        // Attention has read the stream's gradient, so its memory takes the new one: `second` is used by the next block.
        if block.feedForwardNorm != nil { gradient.copy(from: streamGradient) }
        let inputGradient = scattered(gradient, pass)
        backwardInputNorm(
            block.attentionNorm, whole, weights, input: buffers.residual(layer, pass.count), saved.statistics, into: inputGradient)
        observeGradients(parametersOfAttention(block))
        return inputGradient
    }

    private func parametersOfFeedForward(_ block: BlockLayer) -> [Int] {
        block.feedForward.layers.map(\.weight) + block.feedForward.layers.compactMap(\.bias)
            + [block.feedForwardNorm, block.feedForwardOutputNorm].compactMap(\.self).flatMap(\.parameters)
    }

    private func parametersOfAttention(_ block: BlockLayer) -> [Int] {
        block.attention.parameters + [block.attentionNorm, block.attentionOutputNorm].compactMap(\.self).flatMap(\.parameters)
    }
}
