import Collectives
import Kernels
import Tensors

// T tokens, D model width, F feed-forward columns of this rank.

extension Transformer {
    /// One block, from its input stream to the next block's input stream, both `[T, D]`. Activations for backward stay in the
    /// buffers.
    ///
    /// - Parameters:
    ///   - activations: memory from the buffers; in decoding the projections are in a cache.
    ///   - attend: fills the attention output from the projections.
    func forwardBlock(
        _ layer: Int, _ activations: AttentionActivations, positions: [Int32], _ rotary: Rotary,
        attend: (AttentionActivations) -> Void
    ) throws(CollectiveError) {
        let count = positions.count
        forwardAttention(layer, activations, positions: positions, rotary, attend: attend)
        try addAttention(layer, activations.output, to: buffers.residual(layer, count))
        try forwardFeedForward(layer, count)
    }

    /// The feed-forward sublayer, from the stream after attention to the next block's input. Collective over the tensor ranks.
    func forwardFeedForward(_ layer: Int, _ count: Int) throws(CollectiveError) {
        forwardGates(layer, count)
        let saved = buffers.feedForward(layer, count)
        let (gated, update) = (buffers.gated(count), buffers.update(count))
        let down = table.blocks[layer].down
        GatedActivation.forward(gate: saved.gate, up: saved.up, into: gated, workers: workers)
        observe(module(down) + " input", gated)
        linear(gated, [(down, nil, update)])
        let whole = try Partial(update).allReduced(over: tensor)
        observe(module(down) + " output", whole)
        let output = buffers.residual(layer + 1, count)
        Elementwise.sum(saved.middle, whole, into: output, workers: workers)
        observe(layerName(layer) + " output", output)
    }

    /// Fills the attention output of all tokens, by `plan`.
    func attend(_ plan: ForwardPlan, _ saved: AttentionActivations) {
        attention.forward(saved.projections, plan: plan.attention, into: saved.output, logSumExp: saved.logSumExp)
    }

    // Steps of a block that backward may repeat. Each leaves its results in the buffers.

    /// Norm, projections and attention, from the block's input.
    func forwardAttention(
        _ layer: Int, _ saved: AttentionActivations, positions: [Int32], _ rotary: Rotary,
        attend: (AttentionActivations) -> Void
    ) {
        let block = table.blocks[layer]
        let normalized = buffers.normalized(positions.count)
        RootMeanSquareNorm.forward(
            buffers.residual(layer, positions.count), weight: parameters.vector(block.attentionNorm),
            epsilon: configuration.normEpsilon, into: normalized, inverseRoot: saved.inverseRoot, workers: workers)
        observe(module(block.attentionNorm) + " output", normalized)
        let projections = projectionColumns(saved.projections)
        linear(
            normalized,
            [
                (block.query, block.queryBias, projections.query), (block.key, block.keyBias, projections.key),
                (block.value, block.valueBias, projections.value),
            ])
        observe(module(block.query) + " output", projections.query)
        observe(module(block.key) + " output", projections.key)
        observe(module(block.value) + " output", projections.value)
        rotary.forward(projections.queryAndKey, positions: positions, workers: workers)
        attend(saved)
        observe(module(block.output) + " input", saved.output)
    }

    /// Computes the stream after attention: `input` plus the projection of attention's `output`. Collective over the tensor
    /// ranks.
    func addAttention(_ layer: Int, _ output: Matrix, to input: Matrix) throws(CollectiveError) {
        let count = output.rowCount
        let update = buffers.update(count)
        let block = table.blocks[layer]
        linear(output, [(block.output, nil, update)])
        let whole = try Partial(update).allReduced(over: tensor)
        observe(module(block.output) + " output", whole)
        let middle = buffers.feedForward(layer, count).middle
        Elementwise.sum(input, whole, into: middle, workers: workers)
        observe(module(block.feedForwardNorm) + " input", middle)
    }

    /// Norm, gate and up, from the stream after attention.
    func forwardGates(_ layer: Int, _ count: Int) {
        let block = table.blocks[layer]
        let saved = buffers.feedForward(layer, count)
        let normalized = buffers.normalized(count)
        RootMeanSquareNorm.forward(
            saved.middle, weight: parameters.vector(block.feedForwardNorm), epsilon: configuration.normEpsilon,
            into: normalized, inverseRoot: saved.inverseRoot, workers: workers)
        observe(module(block.feedForwardNorm) + " output", normalized)
        linear(normalized, [(block.gate, nil, saved.gate), (block.up, nil, saved.up)])
        observe(module(block.gate) + " output", saved.gate)
        observe(module(block.up) + " output", saved.up)
    }

    /// Linear layers that share an input, by the indices of their weights and biases.
    func linear(_ input: Matrix, _ layers: [(weight: Int, bias: Int?, output: Matrix)]) {
        let layers = zip(layers, widened).map { layer, scratch in
            Linear.Layer(
                weight: parameters.weight(layer.weight).floats(using: scratch, workers: workers),
                bias: layer.bias.map { parameters.vector($0) }, output: layer.output)
        }
        Linear.forward(input, layers, workers: workers)
    }

    /// Views of a projections matrix: the columns of queries, keys, values, and queries with keys.
    func projectionColumns(_ matrix: Matrix) -> (query: Matrix, key: Matrix, value: Matrix, queryAndKey: Matrix) {
        let queryWidth = attention.outputWidth
        let keyWidth = (matrix.columnCount - queryWidth) / 2
        return (
            matrix.columns(0..<queryWidth), matrix.columns(queryWidth..<(queryWidth + keyWidth)),
            matrix.columns((queryWidth + keyWidth)..<matrix.columnCount), matrix.columns(0..<(queryWidth + keyWidth))
        )
    }
}
