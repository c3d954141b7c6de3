import Collectives
import Kernels
import Tensors

// T tokens, D model width, U scored hidden rows, R targets, F feed-forward columns of this rank.

/// What a loss says of a forward pass's results: its derivatives by them.
public struct LossGradients {
    /// `[R]` by each target's log-probability.
    public var targets: [Float]
    /// For each distribution of the request, `[U]` by its loss of the row.
    public var distributions: [[Float]]
    public var layers: [Layer]

    /// By the residual stream after a block.
    public struct Layer {
        public let index: Int
        /// `[U, D]`, at the scored positions.
        public let rows: Matrix

        public init(index: Int, rows: Matrix) {
            self.index = index
            self.rows = rows
        }
    }

    public init(targets: [Float], distributions: [[Float]] = [], layers: [Layer] = []) {
        self.targets = targets
        self.distributions = distributions
        self.layers = layers
    }
}

extension Transformer where Kind == Trainable {
    /// Adds to the gradients of all parameters what `gradients` make of them.
    ///
    /// Collective over the tensor ranks. Each rank's gradients are whole for its shard; data ranks still have to add theirs.
    /// - Precondition: `pass` is this model's latest forward, of the same plan.
    public func backward(
        _ pass: ForwardPass, _ plan: ForwardPlan, _ request: ForwardRequest = ForwardRequest(), gradients: LossGradients
    ) throws(CollectiveError) {
        precondition(pass.number == passCount, "backward follows its own forward, once: it overwrites activations")
        passCount += 1
        let count = plan.axis.count
        let residualGradient = buffers.scratch(.residualGradient, count)
        try backwardHead(pass, plan, request, gradients, into: residualGradient)
        let rotary = rotary(for: plan.axis.positions)
        for layer in table.blocks.indices.reversed() {
            for gradient in gradients.layers where gradient.index == layer { add(gradient.rows, to: residualGradient, plan) }
            try backwardFeedForward(layer, count, residualGradient)
            try backwardAttention(layer, plan, rotary, residualGradient)
        }
        Embedding.backward(
            residualGradient, tokens: plan.axis.tokens, range: vocabulary, into: parameters.gradients[table.embedding],
            workers: workers)
    }

    /// Head and final norm; `residualGradient[T, D]` is written whole, zero where nothing is scored.
    private func backwardHead(
        _ pass: ForwardPass, _ plan: ForwardPlan, _ request: ForwardRequest, _ gradients: LossGradients,
        into residualGradient: Matrix
    ) throws(CollectiveError) {
        // The forward pass left the normalised states and their roots in place.
        let states = scoredStates(plan)
        let (count, width) = (plan.scoredPositions.count, configuration.hiddenSize)
        let hiddenGradient = Matrix(rowCount: count, columnCount: width)
        head.backward(
            states.normalized, weight: parameters.values[table.head], range: vocabulary, targets: plan.targets,
            logSumExp: pass.scored.rows.map(\.logSumExp), gradients: gradients.targets, hiddenGradient: hiddenGradient,
            weightGradient: parameters.gradients[table.head], references: request.referenceHeads,
            distributions: request.distributions.indices.map {
                DistributionGradient(
                    request: request.distributions[$0], rows: pass.scored.distributions[$0],
                    weights: gradients.distributions[$0])
            })
        let whole = try Partial(hiddenGradient).summed(over: tensor)
        let inputGradient = Matrix(rowCount: count, columnCount: width)
        RootMeanSquareNorm.backward(
            whole, input: states.input, weight: parameters.values[table.finalNorm], inverseRoot: states.inverseRoot,
            addingTo: inputGradient, weightGradient: parameters.gradients[table.finalNorm], workers: workers)
        residualGradient.fill(0)
        for (row, position) in plan.scoredPositions.enumerated() {
            residualGradient.rows(position..<(position + 1)).copy(from: inputGradient.rows(row..<(row + 1)))
        }
    }

    /// Adds `rows[U, D]` to the scored positions of `residualGradient[T, D]`.
    private func add(_ rows: Matrix, to residualGradient: Matrix, _ plan: ForwardPlan) {
        for (row, position) in plan.scoredPositions.enumerated() {
            Elementwise.add(
                rows.rows(row..<(row + 1)), to: residualGradient.rows(position..<(position + 1)), workers: workers)
        }
    }

    /// The feed-forward sublayer: turns the gradient of its output stream into that of its input stream, in place.
    private func backwardFeedForward(
        _ layer: Int, _ count: Int, _ residualGradient: Matrix
    ) throws(CollectiveError) {
        let block = table.blocks[layer]
        let saved = buffers.block(layer, count)
        let gated = buffers.gated(count)
        let gatedGradient = buffers.scratch(.activatedGradient, count)
        GatedActivation.forward(gate: saved.gate, up: saved.up, into: gated, workers: workers)
        backwardLinear(residualGradient, input: gated, block.down, into: gatedGradient)
        GatedActivation.backward(
            gatedGradient, gate: saved.gate, up: saved.up, gateGradient: saved.gate, upGradient: saved.up, workers: workers)

        let normalized = buffers.normalized(count)
        RootMeanSquareNorm.recompute(
            saved.middle, weight: parameters.values[block.feedForwardNorm], inverseRoot: saved.feedForwardInverseRoot,
            into: normalized, workers: workers)
        let normalizedGradient = buffers.scratch(.normalizedGradient, count)
        backwardLinear(saved.gate, input: normalized, block.gate, into: normalizedGradient)
        backwardLinear(saved.up, input: normalized, block.up, into: normalizedGradient, accumulate: true)
        RootMeanSquareNorm.backward(
            try Partial(normalizedGradient).summed(over: tensor), input: saved.middle,
            weight: parameters.values[block.feedForwardNorm], inverseRoot: saved.feedForwardInverseRoot,
            addingTo: residualGradient, weightGradient: parameters.gradients[block.feedForwardNorm], workers: workers)
    }

    /// The attention sublayer, likewise.
    private func backwardAttention(
        _ layer: Int, _ plan: ForwardPlan, _ rotary: Rotary, _ residualGradient: Matrix
    ) throws(CollectiveError) {
        let count = plan.axis.count
        let block = table.blocks[layer]
        let saved = buffers.block(layer, count)
        let attentionGradient = buffers.scratch(.attentionGradient, count)
        let projectionGradient = buffers.scratch(.projectionGradient, count)
        backwardLinear(residualGradient, input: saved.attentionOutput, block.output, into: attentionGradient)
        attention.backward(
            attentionGradient, projections: saved.projections, output: saved.attentionOutput, logSumExp: saved.logSumExp,
            plan: plan.attention, into: projectionGradient)
        let columns = projectionColumns(projectionGradient)
        rotary.backward(columns.queryAndKey, positions: plan.axis.positions, workers: workers)

        let input = buffers.residual(layer, count)
        let normalized = buffers.normalized(count)
        RootMeanSquareNorm.recompute(
            input, weight: parameters.values[block.attentionNorm], inverseRoot: saved.attentionInverseRoot,
            into: normalized, workers: workers)
        let normalizedGradient = buffers.scratch(.normalizedGradient, count)
        backwardLinear(columns.query, input: normalized, block.query, bias: block.queryBias, into: normalizedGradient)
        backwardLinear(
            columns.key, input: normalized, block.key, bias: block.keyBias, into: normalizedGradient, accumulate: true)
        backwardLinear(
            columns.value, input: normalized, block.value, bias: block.valueBias, into: normalizedGradient, accumulate: true)
        RootMeanSquareNorm.backward(
            try Partial(normalizedGradient).summed(over: tensor), input: input,
            weight: parameters.values[block.attentionNorm], inverseRoot: saved.attentionInverseRoot,
            addingTo: residualGradient, weightGradient: parameters.gradients[block.attentionNorm], workers: workers)
    }

    private func backwardLinear(
        _ outputGradient: Matrix, input: Matrix, _ index: Int, bias: Int? = nil, into inputGradient: Matrix,
        accumulate: Bool = false
    ) {
        Linear.backwardInput(
            outputGradient, weight: parameters.values[index], into: inputGradient, accumulate: accumulate, workers: workers)
        Linear.backwardWeight(outputGradient, input: input, into: parameters.gradients[index], workers: workers)
        if let bias { Linear.backwardBias(outputGradient, into: parameters.gradients[bias]) }
    }
}
