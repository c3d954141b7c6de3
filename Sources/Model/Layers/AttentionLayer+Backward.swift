import Collectives
import Kernels
import Settings
import Tensors

// T tokens, L tokens with an output, D model width, A = H·E columns of this rank's query heads.

extension Transformer where Kind == Trainable {
    /// From the gradient `[L, D]` of the layer's output to this rank's summand of the gradient `[T, D]` of its normalised
    /// input.
    ///
    /// - Parameter normalized: recomputes the normalised input `[T, D]`.
    func backwardAttention(
        _ layer: Int, _ outputGradient: Matrix, _ saved: AttentionActivations, _ pass: BlockPass, _ weights: LayerWeights,
        normalized: () -> Matrix, into normalizedGradient: Matrix
    ) throws(CollectiveError) {
        let attention = table.blocks[layer].attention
        let attentionGradient = buffers.scratch(.attentionGradient, pass.count)
        let projectionGradient = buffers.scratch(.projectionGradient, pass.count)
        // Holds first the gradient of attention's output, then the gradient of the queries.
        let selected = pass.selection.map {
            buffers.selectedQueries.matrix(rowCount: $0.count, columnCount: widths.attentionOutput)
        }
        Linear.backwardInput(
            outputGradient, weight: matrix(attention.output.weight, weights, using: widened[0]), into: selected ?? attentionGradient, workers: workers
        )
        if let selected { pass.selection!.scatter(selected, into: attentionGradient, workers: workers) }
        kernels[layer].backward(
            attentionGradient, projections: saved.projections, sinks: attention.sinks.map { weights.vector($0) },
            output: saved.output, logSumExp: saved.logSumExp, plan: pass.attention, into: projectionGradient,
            sinkGradient: attention.sinks.flatMap { weights.gradient($0) })
        let columns = projectionColumns(projectionGradient)
        let queryGradient = selected ?? columns.query
        if let selected { pass.selection!.gather(columns.query, into: selected, workers: workers) }
        try backwardTurn(attention, queryGradient, columns, saved, pass, weights)
        let input = normalized()
        guard let selection = pass.selection else {
            backwardInput(
                [(columns.query, attention.query), (columns.key, attention.key), (columns.value, attention.value)],
                weights, into: normalizedGradient)
            backwardWeight(
                [
                    (outputGradient, saved.output, attention.output), (columns.query, input, attention.query),
                    (columns.key, input, attention.key), (columns.value, input, attention.value),
                ], weights)
            return
        }
        backwardInput([(columns.key, attention.key), (columns.value, attention.value)], weights, into: normalizedGradient)
        let selectedGradient = headGradient.matrix(rowCount: selection.count, columnCount: configuration.hiddenSize)
        backwardInput([(queryGradient, attention.query)], weights, into: selectedGradient)
        selection.add(selectedGradient, to: normalizedGradient, workers: workers)
        backwardWeight(
            [
                (outputGradient, attended(saved, pass), attention.output),
                (queryGradient, gathered(input, selection), attention.query),
                (columns.key, input, attention.key), (columns.value, input, attention.value),
            ], weights)
    }

    /// Turns the gradients of queries and keys, as the kernel read them, into those of the projections, in place.
    private func backwardTurn(
        _ layer: AttentionLayer, _ queryGradient: Matrix, _ columns: ProjectionColumns, _ saved: AttentionActivations,
        _ pass: BlockPass, _ weights: LayerWeights
    ) throws(CollectiveError) {
        guard let norms = layer.configuration.queryKeyNorm else {
            guard pass.selection != nil else {
                return backwardRotation(layer, columns.queryAndKey, pass.positions, pass.lengths)
            }
            backwardRotation(layer, queryGradient, pass.selected(pass.positions), pass.lengths.map(pass.selected))
            return backwardRotation(layer, columns.key, pass.positions, pass.lengths)
        }
        let raw = rawColumns(saved.raw)
        var queries = (raw: raw.query, statistics: rawStatistics(saved, .queries))
        if let selection = pass.selection {
            queries = (
                selectedRaw(layer, selection, queryGradient), selectedStatistics(layer, selection, saved)
            )
        }
        let parts = [
            (layer.queryNorm!, queryGradient, queries.raw, queries.statistics, pass.selected(pass.positions), pass.lengths.map(pass.selected)),
            (layer.keyNorm!, columns.key, raw.key, rawStatistics(saved, .keys), pass.positions, pass.lengths),
        ]
        for (norm, gradient, raw, statistics, positions, lengths) in parts {
            if !norms.followsRotary { backwardRotation(layer, gradient, positions, lengths) }
            try backward(heads: norm, norms.span, gradient, raw, statistics, weights)
            if norms.followsRotary { backwardRotation(layer, gradient, positions, lengths) }
        }
    }

    private func backwardRotation(_ layer: AttentionLayer, _ gradient: Matrix, _ positions: [Int32], _ lengths: [Int32]?) {
        guard let rotary = layer.configuration.rotary else { return }
        rotaries[rotary]!.backward(gradient, positions: positions, lengths: lengths, workers: workers)
    }

    /// Backward of a norm of queries or keys, in place. A weight that all heads share is replicated on the tensor ranks, each of
    /// which sees its own heads: its gradient is all-reduced.
    private func backward(
        heads norm: NormLayer, _ span: AttentionConfiguration.QueryKeyNorm.Span, _ gradient: Matrix, _ raw: Matrix, _ statistics: Matrix,
        _ weights: LayerWeights
    ) throws(CollectiveError) {
        switch span {
        case .headWithOwnWeight:
            backward(norm, gradient, weights, input: raw, statistics: statistics, into: gradient, accumulate: false)
        case .head:
            let trained = norm.parameters.filter { weights.gradient($0) != nil }
            let sums = trained.map { Matrix(rowCount: 1, columnCount: weights.vector($0).columnCount) }
            norm.kernel(width: raw.columnCount).backward(
                gradient, input: raw, weight: norm.weight.map { weights.vector($0) }, statistics: statistics, into: gradient,
                accumulate: false, weightGradient: zip(trained, sums).first { $0.0 == norm.weight }?.1,
                biasGradient: zip(trained, sums).first { $0.0 == norm.bias }?.1, scratch: buffers.normSums, workers: workers)
            for (index, sum) in zip(trained, sums) {
                let whole = try Partial(sum).allReduced(over: tensor)
                Elementwise.add(whole.row(0), to: weights.gradient(index)!.row(0), count: whole.columnCount)
            }
        case .allHeads:
            let (weight, kernel) = (norm.weight.map { weights.vector($0) }, norm.kernel(width: raw.columnCount))
            let summands = buffers.headSums.matrix(rowCount: raw.rowCount, columnCount: 1)
            kernel.sumOfProducts(
                gradient, input: raw, weight: weight, statistics: statistics, into: summands,
                weightGradient: norm.weight.flatMap { weights.gradient($0) }, scratch: buffers.normSums, workers: workers)
            kernel.backward(
                gradient, input: raw, weight: weight, statistics: statistics, sums: try Partial(summands).allReduced(over: tensor),
                totalWidth: norm.fullWidth(table), into: gradient, accumulate: false, workers: workers)
        }
    }
}
