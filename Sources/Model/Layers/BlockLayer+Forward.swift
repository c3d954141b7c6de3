import Collectives
import Kernels
import Settings
import Tensors

// T tokens, L tokens with an output, D model width.

extension Transformer {
    /// One block, from its input stream `[T, D]` to the next block's input stream `[L, D]`. Activations for backward stay in the
    /// buffers. Collective over the tensor ranks.
    ///
    /// - Parameters:
    ///   - activations: memory from the buffers; in decoding the projections are in a cache.
    ///   - attend: fills attention's output from the projections.
    func forwardBlock(
        _ layer: Int, _ activations: AttentionActivations, _ pass: BlockPass,
        attend: (AttentionActivations, LayerWeights) -> Void
    ) throws(CollectiveError) {
        try parameters.withBlock(table.blocks[layer].indices) { (weights) throws(CollectiveError) in
            let normalized = try forwardAttention(layer, activations, pass, weights) { attend($0, weights) }
            if table.blocks[layer].isParallel {
                try forwardParallel(layer, activations, pass, normalized, weights)
            } else {
                try addAttention(layer, activations, pass, weights)
                forwardFeedForwardInput(layer, pass, weights)
                try addFeedForward(layer, pass, weights)
            }
        }
        observe(layerName(layer) + " output", buffers.residual(layer + 1, pass.outputCount))
    }

    /// The stream after attention, `[L, D]`: input + scale · m(attention), with a norm m behind attention where the block has one.
    func addAttention(
        _ layer: Int, _ saved: AttentionActivations, _ pass: BlockPass, _ weights: LayerWeights
    ) throws(CollectiveError) {
        let block = table.blocks[layer]
        let middle = buffers.feedForward(layer, pass.outputCount).middle
        let whole = try attentionUpdate(layer, saved, pass, weights)
        var input = buffers.residual(layer, pass.count)
        if let selection = pass.selection {
            selection.gather(input, into: middle, workers: workers)
            input = middle
        }
        Elementwise.sum(input, whole, scaledBy: Float(block.configuration.residualScale), into: middle, workers: workers)
        if let norm = block.feedForwardNorm { observe(norm.module + " input", middle) }
    }

    /// `[L, D]` attention's full output, behind its norm.
    @discardableResult
    func attentionUpdate(
        _ layer: Int, _ saved: AttentionActivations, _ pass: BlockPass, _ weights: LayerWeights
    ) throws(CollectiveError) -> Matrix {
        let block = table.blocks[layer]
        let update = block.attentionOutputNorm == nil ? buffers.update(pass.outputCount) : saved.update.rows(0..<pass.outputCount)
        forwardOutput(block.attention, saved, pass, weights, into: update)
        return try completed(
            update, block.attention.output, block.attentionOutputNorm, weights,
            statistics: saved.updateStatistics.rows(0..<pass.outputCount))
    }

    /// A sublayer's full output from its summand: all-reduced, with its bias, and behind its norm.
    private func completed(
        _ update: Matrix, _ layer: LinearLayer, _ norm: NormLayer?, _ weights: LayerWeights, statistics: Matrix
    ) throws(CollectiveError) -> Matrix {
        let whole = try Partial(update).allReduced(over: tensor)
        addBias(layer, weights, to: whole)
        observe(module(layer.weight) + " output", whole)
        guard let norm else { return whole }
        let output = buffers.update(update.rowCount)
        forward(norm, whole, weights, into: output, statistics: statistics)
        return output
    }

    /// Norm, gate and up, from the stream after attention.
    func forwardFeedForwardInput(_ layer: Int, _ pass: BlockPass, _ weights: LayerWeights) {
        let block = table.blocks[layer]
        let saved = buffers.feedForward(layer, pass.outputCount)
        var normalized = saved.middle
        if let norm = block.feedForwardNorm {
            normalized = buffers.normalized(pass.outputCount)
            forward(norm, saved.middle, weights, into: normalized, statistics: saved.statistics)
        }
        forwardGates(block.feedForward, normalized, saved, weights)
    }

    /// The block's output: middle + scale · m(feedForward). Collective over the tensor ranks.
    func addFeedForward(_ layer: Int, _ pass: BlockPass, _ weights: LayerWeights) throws(CollectiveError) {
        let block = table.blocks[layer]
        let saved = buffers.feedForward(layer, pass.outputCount)
        let update = block.feedForwardOutputNorm == nil ? buffers.update(pass.outputCount) : saved.update
        forwardDown(block.feedForward, saved, weights, into: update)
        let whole = try completed(
            update, block.feedForward.down, block.feedForwardOutputNorm, weights, statistics: saved.updateStatistics)
        Elementwise.sum(
            saved.middle, whole, scaledBy: Float(block.configuration.residualScale),
            into: buffers.residual(layer + 1, pass.outputCount), workers: workers)
    }

    // MARK: Parallel blocks

    /// The block's output: input + scale · (attention + feedForward), with one all-reduce of both.
    ///
    /// - Parameter normalized: `[T, D]` attention's normalised input.
    private func forwardParallel(
        _ layer: Int, _ saved: AttentionActivations, _ pass: BlockPass, _ normalized: Matrix, _ weights: LayerWeights
    ) throws(CollectiveError) {
        let block = table.blocks[layer]
        forwardParallelGates(layer, pass, normalized, weights)
        let (update, other) = (buffers.update(pass.outputCount), second(pass.outputCount))
        forwardOutput(block.attention, saved, pass, weights, into: update)
        forwardDown(block.feedForward, buffers.feedForward(layer, pass.outputCount), weights, into: other)
        Elementwise.sum(update, other, into: update, workers: workers)
        let whole = try Partial(update).allReduced(over: tensor)
        addBias(block.attention.output, weights, to: whole)
        addBias(block.feedForward.down, weights, to: whole)
        let output = buffers.residual(layer + 1, pass.outputCount)
        var input = buffers.residual(layer, pass.count)
        if let selection = pass.selection {
            selection.gather(input, into: output, workers: workers)
            input = output
        }
        Elementwise.sum(input, whole, scaledBy: Float(block.configuration.residualScale), into: output, workers: workers)
    }

    /// Gate and up of a parallel block.
    func forwardParallelGates(_ layer: Int, _ pass: BlockPass, _ normalized: Matrix, _ weights: LayerWeights) {
        let saved = buffers.feedForward(layer, pass.outputCount)
        let input = parallelInput(layer, pass, normalized, weights, isRecomputed: false)
        forwardGates(table.blocks[layer].feedForward, input, saved, weights)
    }

    /// `[L, D]` the feed-forward layer's normalised input in a parallel block.
    func parallelInput(
        _ layer: Int, _ pass: BlockPass, _ normalized: Matrix, _ weights: LayerWeights, isRecomputed: Bool
    ) -> Matrix {
        guard let norm = table.blocks[layer].feedForwardNorm else { return gathered(normalized, pass.selection) }
        let input = gathered(buffers.residual(layer, pass.count), pass.selection)
        let output = second(pass.outputCount)
        let statistics = buffers.feedForward(layer, pass.outputCount).statistics
        if isRecomputed {
            recompute(norm, input, weights, statistics: statistics, into: output)
        } else {
            forward(norm, input, weights, into: output, statistics: statistics)
        }
        return output
    }

    func second(_ count: Int) -> Matrix { buffers.second.matrix(rowCount: count, columnCount: configuration.hiddenSize) }
}
