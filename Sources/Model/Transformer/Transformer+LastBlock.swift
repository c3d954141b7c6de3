import Collectives
import Kernels
import Tensors

// T tokens, L tokens with an output of the last block, D model width, A = H·E columns of this rank's query heads.

// The last block's output is read at scored positions only. So the last block computes keys and values for all tokens, but
// queries, feed-forward layer and output for scored positions only: rows of `[L, …]` instead of `[T, …]`.

extension Transformer {
    /// `forwardBlock` for the tokens of `plan.lastBlock`. In the `[T, …]` buffers, queries and attention output are in the
    /// rows of their tokens.
    func forwardSelected(_ layer: Int, _ plan: ForwardPlan, _ rotary: Rotary) throws(CollectiveError) {
        let block = table.blocks[layer]
        let (selection, count) = (plan.lastBlock, plan.axis.count)
        let saved = buffers.attention(layer, count)
        let normalized = buffers.normalized(count)
        RootMeanSquareNorm.forward(
            buffers.residual(layer, count), weight: parameters.vector(block.attentionNorm),
            epsilon: configuration.normEpsilon, into: normalized, inverseRoot: saved.inverseRoot, workers: workers)
        observe(module(block.attentionNorm) + " output", normalized)
        let projections = projectionColumns(saved.projections)
        linear(normalized, [(block.key, block.keyBias, projections.key), (block.value, block.valueBias, projections.value)])
        observe(module(block.key) + " output", projections.key)
        observe(module(block.value) + " output", projections.value)
        rotary.forward(projections.key, positions: plan.axis.positions, workers: workers)

        let queries = buffers.selectedQueries.matrix(rowCount: selection.count, columnCount: attention.outputWidth)
        linear(selectedInput(normalized, selection), [(block.query, block.queryBias, queries)])
        observe(module(block.query) + " output", queries)
        rotary.forward(queries, positions: plan.lastBlockPositions, workers: workers)
        selection.scatter(queries, into: projections.query, workers: workers)
        attention.forward(
            saved.projections, plan: plan.lastBlockAttention, into: saved.output, logSumExp: saved.logSumExp)

        let middle = buffers.feedForward(layer, selection.count).middle
        selection.gather(buffers.residual(layer, count), into: middle, workers: workers)
        let attended = selectedOutput(saved, selection)
        observe(module(block.output) + " input", attended)
        try addAttention(layer, attended, to: middle)
        try forwardFeedForward(layer, selection.count)
    }

    /// `[L, D]` the selected rows of the norm's output, in the memory of `buffers.update`, which the sublayers overwrite.
    private func selectedInput(_ normalized: Matrix, _ selection: RowSelection) -> Matrix {
        let rows = buffers.update(selection.count)
        selection.gather(normalized, into: rows, workers: workers)
        return rows
    }

    /// `[L, A]` the selected rows of attention's output.
    private func selectedOutput(_ saved: AttentionActivations, _ selection: RowSelection) -> Matrix {
        let rows = buffers.selectedOutput.matrix(rowCount: selection.count, columnCount: attention.outputWidth)
        selection.gather(saved.output, into: rows, workers: workers)
        return rows
    }
}

extension Transformer where Kind == Trainable {
    /// `backwardAttention` after `forwardSelected`: from the gradient `[L, D]` of the stream after attention to the gradient
    /// `[T, D]` of the block's input.
    func backwardSelectedAttention(
        _ layer: Int, _ plan: ForwardPlan, _ rotary: Rotary, _ gradient: Matrix
    ) throws(CollectiveError) -> Matrix {
        let block = table.blocks[layer]
        let (selection, count, positions) = (plan.lastBlock, plan.axis.count, plan.axis.positions)
        let saved = buffers.attention(layer, count)
        // Holds first the gradient of attention's output, then the gradient of the queries.
        let queryGradient = buffers.selectedQueries.matrix(rowCount: selection.count, columnCount: attention.outputWidth)
        Linear.backwardInput(gradient, weight: parameters.values[block.output], into: queryGradient, workers: workers)
        let attentionGradient = buffers.scratch(.attentionGradient, count)
        selection.scatter(queryGradient, into: attentionGradient, workers: workers)
        let projectionGradient = buffers.scratch(.projectionGradient, count)
        attention.backward(
            attentionGradient, projections: saved.projections, output: saved.output, logSumExp: saved.logSumExp,
            plan: plan.lastBlockAttention, into: projectionGradient)
        let columns = projectionColumns(projectionGradient)
        selection.gather(columns.query, into: queryGradient, workers: workers)
        rotary.backward(queryGradient, positions: plan.lastBlockPositions, workers: workers)
        rotary.backward(columns.key, positions: positions, workers: workers)

        let input = buffers.residual(layer, count)
        let normalized = buffers.normalized(count)
        RootMeanSquareNorm.recompute(
            input, weight: parameters.values[block.attentionNorm], inverseRoot: saved.inverseRoot, into: normalized,
            workers: workers)
        let normalizedGradient = buffers.scratch(.normalizedGradient, count)
        backwardInput([(columns.key, block.key), (columns.value, block.value)], into: normalizedGradient)
        let selectedGradient = headGradient.matrix(rowCount: selection.count, columnCount: configuration.hiddenSize)
        backwardInput([(queryGradient, block.query)], into: selectedGradient)
        selection.add(selectedGradient, to: normalizedGradient, workers: workers)
        backwardWeight([
            (gradient, selectedOutput(saved, selection), block.output),
            (queryGradient, selectedInput(normalized, selection), block.query),
            (columns.key, normalized, block.key), (columns.value, normalized, block.value),
        ])
        backwardBias([(queryGradient, block.queryBias), (columns.key, block.keyBias), (columns.value, block.valueBias)])

        let residualGradient = buffers.scratch(.residualGradient, count)
        residualGradient.fill(0)
        selection.scatter(gradient, into: residualGradient, workers: workers)
        RootMeanSquareNorm.backward(
            try Partial(normalizedGradient).allReduced(over: tensor), input: input,
            weight: parameters.values[block.attentionNorm], inverseRoot: saved.inverseRoot,
            addingTo: residualGradient, weightGradient: parameters.gradients[block.attentionNorm],
            scratch: buffers.normSums, workers: workers)
        return residualGradient
    }
}
