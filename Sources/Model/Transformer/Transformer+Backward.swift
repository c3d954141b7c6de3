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
        var residualGradient = try backwardHead(pass, plan, request, gradients)
        areFinal(from: table.finalNorm)
        observeGradients([table.head, table.finalNorm])
        observe("gradient of " + module(table.finalNorm) + " input", residualGradient)
        let rotary = rotary(for: plan.axis.positions)
        for layer in table.blocks.indices.reversed() {
            let isLast = layer == table.blocks.count - 1
            for gradient in gradients.layers where gradient.index == layer {
                (isLast ? plan.scoredOutputs : plan.scoredTokens).add(gradient.rows, to: residualGradient, workers: workers)
            }
            try recomputeBlock(layer, plan, rotary)
            try backwardFeedForward(layer, residualGradient)
            let block = table.blocks[layer]
            observeGradients([block.down, block.gate, block.up, block.feedForwardNorm])
            observe("gradient of " + module(block.feedForwardNorm) + " input", residualGradient)
            areFinal(from: table.blocks[layer].feedForwardNorm)
            if isLast && !plan.lastBlock.isWhole {
                residualGradient = try backwardSelectedAttention(layer, plan, rotary, residualGradient)
            } else {
                try backwardAttention(layer, plan, rotary, residualGradient)
            }
            areFinal(from: table.blocks[layer].attentionNorm)
            observeGradients(
                [block.output, block.query, block.key, block.value]
                    + [block.queryBias, block.keyBias, block.valueBias].compactMap(\.self) + [block.attentionNorm])
            observe("gradient of " + layerName(layer) + " input", residualGradient)
        }
        Embedding.backward(
            residualGradient, tokens: plan.axis.tokens, range: vocabulary, into: parameters.gradients[table.embedding],
            workers: workers)
        observeGradients([table.embedding])
        areFinal(from: table.embedding)
    }

    /// Recomputes the activations that forward did not keep. It makes the same calls as forward, so the bits are the same.
    /// The last block's activations are still in the buffers.
    private func recomputeBlock(_ layer: Int, _ plan: ForwardPlan, _ rotary: Rotary) throws(CollectiveError) {
        guard recompute != .nothing, layer < table.blocks.count - 1 else { return }
        let saved = buffers.attention(layer, plan.axis.count)
        forwardAttention(layer, saved, positions: plan.axis.positions, rotary) { attend(plan, $0) }
        guard recompute == .block else { return }
        try addAttention(layer, saved.output, to: buffers.residual(layer, plan.axis.count))
        forwardGates(layer, plan.axis.count)
    }

    /// Backward of head and final norm. Returns the gradient `[L, D]` of the last block's output: zero for rows that are not
    /// scored.
    private func backwardHead(
        _ pass: ForwardPass, _ plan: ForwardPlan, _ request: ForwardRequest, _ gradients: LossGradients
    ) throws(CollectiveError) -> Matrix {
        let start = headClock
        defer { headSeconds += headClock - start }
        // The normalised states and their inverse roots are still in the buffers of the forward pass.
        let states = scoredStates(plan)
        let (count, width) = (plan.scoredPositions.count, configuration.hiddenSize)
        let hiddenGradient = pass.headGradient ?? headGradient.matrix(rowCount: count, columnCount: width)
        if pass.headGradient == nil {
            head.backward(
                states.normalized, weight: parameters.values[table.head], range: vocabulary, targets: plan.targets,
                logSumExp: pass.scored.rows.map(\.logSumExp), gradients: gradients.targets,
                hiddenGradient: hiddenGradient, weightGradient: parameters.gradients[table.head],
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
        RootMeanSquareNorm.backward(
            whole, input: states.input, weight: parameters.values[table.finalNorm], inverseRoot: states.inverseRoot,
            addingTo: inputGradient, weightGradient: parameters.gradients[table.finalNorm], scratch: buffers.normSums,
            workers: workers)
        guard !plan.scoredOutputs.isWhole else { return inputGradient }
        let residualGradient = buffers.scratch(.residualGradient, plan.lastBlock.count)
        residualGradient.fill(0)
        plan.scoredOutputs.scatter(inputGradient, into: residualGradient, workers: workers)
        return residualGradient
    }

    /// Backward of the feed-forward sublayer: turns the gradient of its output stream into the gradient of its input stream,
    /// in place.
    private func backwardFeedForward(_ layer: Int, _ residualGradient: Matrix) throws(CollectiveError) {
        let block = table.blocks[layer]
        let count = residualGradient.rowCount
        let saved = buffers.feedForward(layer, count)
        let gated = buffers.gated(count)
        let gatedGradient = buffers.scratch(.activatedGradient, count)
        GatedActivation.forward(gate: saved.gate, up: saved.up, into: gated, workers: workers)
        Linear.backwardInput(
            residualGradient, weight: parameters.values[block.down], into: gatedGradient, workers: workers)
        GatedActivation.backward(
            gatedGradient, gate: saved.gate, up: saved.up, gateGradient: saved.gate, upGradient: saved.up, workers: workers)

        let normalized = buffers.normalized(count)
        RootMeanSquareNorm.recompute(
            saved.middle, weight: parameters.values[block.feedForwardNorm], inverseRoot: saved.inverseRoot,
            into: normalized, workers: workers)
        let normalizedGradient = buffers.scratch(.normalizedGradient, count)
        backwardInput([(saved.gate, block.gate), (saved.up, block.up)], into: normalizedGradient)
        backwardWeight([
            (residualGradient, gated, block.down), (saved.gate, normalized, block.gate), (saved.up, normalized, block.up),
        ])
        RootMeanSquareNorm.backward(
            try Partial(normalizedGradient).allReduced(over: tensor), input: saved.middle,
            weight: parameters.values[block.feedForwardNorm], inverseRoot: saved.inverseRoot,
            addingTo: residualGradient, weightGradient: parameters.gradients[block.feedForwardNorm], scratch: buffers.normSums,
            workers: workers)
    }

    /// Backward of the attention sublayer, in place as well.
    private func backwardAttention(
        _ layer: Int, _ plan: ForwardPlan, _ rotary: Rotary, _ residualGradient: Matrix
    ) throws(CollectiveError) {
        let count = plan.axis.count
        let block = table.blocks[layer]
        let saved = buffers.attention(layer, count)
        let attentionGradient = buffers.scratch(.attentionGradient, count)
        let projectionGradient = buffers.scratch(.projectionGradient, count)
        Linear.backwardInput(
            residualGradient, weight: parameters.values[block.output], into: attentionGradient, workers: workers)
        attention.backward(
            attentionGradient, projections: saved.projections, output: saved.output, logSumExp: saved.logSumExp,
            plan: plan.attention, into: projectionGradient)
        let columns = projectionColumns(projectionGradient)
        rotary.backward(columns.queryAndKey, positions: plan.axis.positions, workers: workers)

        let input = buffers.residual(layer, count)
        let normalized = buffers.normalized(count)
        RootMeanSquareNorm.recompute(
            input, weight: parameters.values[block.attentionNorm], inverseRoot: saved.inverseRoot,
            into: normalized, workers: workers)
        let normalizedGradient = buffers.scratch(.normalizedGradient, count)
        backwardInput(
            [(columns.query, block.query), (columns.key, block.key), (columns.value, block.value)], into: normalizedGradient)
        backwardWeight([
            (residualGradient, saved.output, block.output), (columns.query, normalized, block.query),
            (columns.key, normalized, block.key), (columns.value, normalized, block.value),
        ])
        backwardBias([(columns.query, block.queryBias), (columns.key, block.keyBias), (columns.value, block.valueBias)])
        RootMeanSquareNorm.backward(
            try Partial(normalizedGradient).allReduced(over: tensor), input: input,
            weight: parameters.values[block.attentionNorm], inverseRoot: saved.inverseRoot,
            addingTo: residualGradient, weightGradient: parameters.gradients[block.attentionNorm], scratch: buffers.normSums,
            workers: workers)
    }

    /// The gradient of an input that several layers share, from the gradients of their outputs.
    func backwardInput(_ layers: [(outputGradient: Matrix, weight: Int)], into gradient: Matrix) {
        Linear.backwardInput(
            layers.map { ($0.outputGradient, parameters.values[$0.weight]) }, into: gradient, workers: workers)
    }

    /// Adds to the gradients of several weights in one batch: its many tasks keep all threads busy.
    func backwardWeight(_ layers: [(outputGradient: Matrix, input: Matrix, weight: Int)]) {
        Linear.backwardWeight(
            layers.map { ($0.outputGradient, $0.input, parameters.gradients[$0.weight]) }, workers: workers)
    }

    func backwardBias(_ layers: [(outputGradient: Matrix, bias: Int?)]) {
        for layer in layers {
            if let bias = layer.bias { Linear.backwardBias(layer.outputGradient, into: parameters.gradients[bias]) }
        }
    }
}
