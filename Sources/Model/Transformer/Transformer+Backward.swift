import Collectives
import Kernels
import Settings
import Tensors

// T tokens, D model width, U scored hidden rows, R targets, F feed-forward columns of this rank.

extension Transformer where Kind == Trainable {
    /// Propagates `gradients` back through the model and adds to the gradients of all parameters.
    ///
    /// Collective over the tensor ranks. Each rank gets the full gradient of its shard for this micro-batch; the reduction
    /// over the data ranks comes later.
    /// - Parameter whenFinal: called with an offset in the flat block of gradients: from this offset on the pass adds nothing
    ///   more. Gradients become final from the block's end to its beginning, a tied embedding's gradient at the very end.
    /// - Precondition: `pass` is this model's latest forward, with the same plan.
    public func backward(
        _ pass: ForwardPass, _ plan: ForwardPlan, _ request: ForwardRequest = ForwardRequest(), gradients: LossGradients,
        whenFinal: (_ offset: Int) -> Void = { _ in }
    ) throws(CollectiveError) {
        func areFinal(from parameter: Int) { whenFinal(parameters.gradientBlock.range(of: parameter).lowerBound) }
        invariant(pass.number == passCount, "backward follows its own forward, once: it overwrites activations")
        passCount += 1
        var gradient = try backwardHead(pass, plan, request, gradients)
        whenFinal(parameters.gradientBlock.offset(from: table.firstOfEnd))
        observeGradients(table.head.parameters + table.finalNorm.parameters)
        observe("gradient of " + table.finalNorm.module + " input", gradient)
        for (layer, blockPass) in blockPasses(plan).enumerated().reversed() {
            let block = table.blocks[layer]
            let isLast = layer == table.blocks.count - 1
            for kept in gradients.layers where kept.index == layer {
                (isLast ? plan.scoredOutputs : plan.scoredTokens).add(kept.rows, to: gradient, workers: workers)
            }
            let outputGradient = gradient
            gradient = try parameters.withBlock(block.indices) { (weights) throws(CollectiveError) in
                try recomputeBlock(layer, blockPass, weights)
                return try backwardBlock(layer, outputGradient, blockPass, weights) { areFinal(from: block.firstOfFeedForward) }
            }
            areFinal(from: block.firstOfAttention)
            observe("gradient of " + layerName(layer) + " input", gradient)
        }
        backwardEmbedding(gradient, tokens: plan.axis.tokens, positions: plan.axis.positions)
        observeGradients([table.embedding.tokens] + [table.embedding.positions].compactMap(\.self))
        areFinal(from: table.embedding.tokens)
    }

    /// Recomputes the activations that forward did not keep. It makes the same calls as forward, so the bits are the same.
    /// The last block's activations are still in the buffers.
    private func recomputeBlock(_ layer: Int, _ pass: BlockPass, _ weights: LayerWeights) throws(CollectiveError) {
        guard recompute != .nothing, layer < table.blocks.count - 1 else { return }
        let block = table.blocks[layer]
        let saved = buffers.attention(layer, pass.count)
        let normalized = try forwardAttention(layer, saved, pass, weights) { attend(layer, $0, pass.attention, weights) }
        if block.isParallel {
            if recompute == .block { forwardParallelGates(layer, pass, normalized, weights) }
        } else if recompute == .block {
            try addAttention(layer, saved, pass, weights)
            forwardFeedForwardInput(layer, pass, weights)
            if block.feedForwardOutputNorm != nil { try addFeedForward(layer, pass, weights) }
        } else if block.attentionOutputNorm != nil {
            try attentionUpdate(layer, saved, pass, weights)
        }
    }

    /// Backward of head and final norm. Returns the gradient `[L, D]` of the last block's output: zero for rows that are not
    /// scored.
    private func backwardHead(
        _ pass: ForwardPass, _ plan: ForwardPlan, _ request: ForwardRequest, _ gradients: LossGradients
    ) throws(CollectiveError) -> Matrix {
        let start = headClock
        defer { headSeconds += headClock - start }
        // The normalised states and their statistics are still in the buffers of the forward pass.
        let states = scoredStates(plan)
        let (count, width) = (plan.scoredPositions.count, configuration.hiddenSize)
        let hiddenGradient = pass.headGradient ?? headGradient.matrix(rowCount: count, columnCount: width)
        if pass.headGradient == nil {
            head.backward(
                states.normalized, weight: parameters.values[table.head.weight], bias: headBias, range: vocabulary, targets: plan.targets,
                logSumExp: pass.scored.rows.map(\.logSumExp), gradients: gradients.targets,
                hiddenGradient: hiddenGradient, weightGradient: parameters.gradients[table.head.weight],
                biasGradient: table.head.bias.map { parameters.gradients[$0] },
                references: request.referenceHeads,
                distributions: request.distributions.indices.map {
                    DistributionGradient(
                        request: request.distributions[$0], rows: pass.scored.distributions[$0],
                        weights: gradients.distributions[$0])
                })
        }
        let whole = try Partial(hiddenGradient).allReduced(over: tensor)
        let inputGradient = buffers.scoredGradient.matrix(rowCount: count, columnCount: width)
        inputGradient.fill(0)
        if configuration.head.scale != 1 { Elementwise.scale(whole, by: Float(configuration.head.scale), workers: workers) }
        backward(
            table.finalNorm, whole, endWeights, input: states.input, statistics: states.statistics, into: inputGradient, accumulate: true)
        guard !plan.scoredOutputs.isWhole else { return inputGradient }
        let residualGradient = buffers.scratch(.residualGradient, plan.lastBlock.count)
        residualGradient.fill(0)
        plan.scoredOutputs.scatter(inputGradient, into: residualGradient, workers: workers)
        return residualGradient
    }
}
