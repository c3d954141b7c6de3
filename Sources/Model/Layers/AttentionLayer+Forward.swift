import Collectives
import Kernels
import Settings
import Tensors

// T tokens, L tokens with an output, D model width, W projections, A = H·E columns of this rank's query heads.

extension Transformer {
    /// Norm, projections and the kernel: fills `saved` up to attention's output.
    ///
    /// If only some tokens have an output, there are keys and values for all tokens and queries for these tokens. In the
    /// `[T, …]` matrices, their queries and outputs are in the rows of their tokens. Collective over the tensor ranks if a norm
    /// spans all heads.
    ///
    /// - Returns: `[T, D]` the layer's normalised input.
    @discardableResult
    func forwardAttention(
        _ layer: Int, _ saved: AttentionActivations, _ pass: BlockPass, _ weights: LayerWeights, attend: (AttentionActivations) -> Void
    ) throws(CollectiveError) -> Matrix {
        let block = table.blocks[layer]
        let attention = block.attention
        let normalized = normalizedInput(block, layer, saved, pass.count, weights)
        let columns = projectionColumns(saved.projections)
        // Linear layers write where the norms read.
        let raw = attention.queryNorm == nil ? columns : rawColumns(saved.raw)
        if let selection = pass.selection {
            linear(normalized, [(attention.key, raw.key), (attention.value, columns.value)], weights)
            observeProjections(attention, key: raw.key, value: columns.value)
            try turn(attention, .keys, raw.key, into: columns.key, rawStatistics(saved, .keys), pass, weights)
            let queries = buffers.selectedQueries.matrix(rowCount: selection.count, columnCount: columns.query.columnCount)
            let rawQueries = selectedRaw(attention, selection, queries)
            linear(gathered(normalized, selection), [(attention.query, rawQueries)], weights)
            observe(module(attention.query.weight) + " output", rawQueries)
            try turn(attention, .queries, rawQueries, into: queries, selectedStatistics(attention, selection, saved), pass, weights)
            selection.scatter(queries, into: columns.query, workers: workers)
        } else {
            linear(normalized, [(attention.query, raw.query), (attention.key, raw.key), (attention.value, columns.value)], weights)
            observe(module(attention.query.weight) + " output", raw.query)
            observeProjections(attention, key: raw.key, value: columns.value)
            if attention.queryNorm == nil {
                rotate(attention, columns.queryAndKey, pass.positions, pass.lengths)
            } else {
                try turn(attention, .queries, raw.query, into: columns.query, rawStatistics(saved, .queries), pass, weights)
                try turn(attention, .keys, raw.key, into: columns.key, rawStatistics(saved, .keys), pass, weights)
            }
        }
        attend(saved)
        return normalized
    }

    /// The kernel over the tokens of a micro-batch.
    func attend(_ layer: Int, _ saved: AttentionActivations, _ plan: AttentionPlan, _ weights: LayerWeights) {
        kernels[layer].forward(
            saved.projections, sinks: table.blocks[layer].attention.sinks.map { weights.vector($0) }, plan: plan,
            into: saved.output, logSumExp: saved.logSumExp)
    }

    /// This rank's summand of the layer's output: `update[L, D]`.
    func forwardOutput(
        _ layer: AttentionLayer, _ saved: AttentionActivations, _ pass: BlockPass, _ weights: LayerWeights, into update: Matrix
    ) {
        let attended = attended(saved, pass)
        observe(module(layer.output.weight) + " input", attended)
        linearSummand(attended, layer.output, weights, into: update)
    }

    /// `[L, A]` attention's output.
    func attended(_ saved: AttentionActivations, _ pass: BlockPass) -> Matrix {
        guard let selection = pass.selection else { return saved.output }
        let rows = buffers.selectedOutput.matrix(rowCount: selection.count, columnCount: saved.output.columnCount)
        selection.gather(saved.output, into: rows, workers: workers)
        return rows
    }

    /// `[T, D]` the norm of the block's input, or the input itself in a post-norm block.
    private func normalizedInput(
        _ block: BlockLayer, _ layer: Int, _ saved: AttentionActivations, _ count: Int, _ weights: LayerWeights
    ) -> Matrix {
        let input = buffers.residual(layer, count)
        guard let norm = block.attentionNorm else { return input }
        let normalized = buffers.normalized(count)
        forward(norm, input, weights, into: normalized, statistics: saved.statistics)
        return normalized
    }

    /// The selected rows `[L, n]` of `rows[T, n]`, in memory that the next sublayer overwrites; all rows without a selection.
    func gathered(_ rows: Matrix, _ selection: RowSelection?) -> Matrix {
        guard let selection else { return rows }
        let target = buffers.update(selection.count)
        selection.gather(rows, into: target, workers: workers)
        return target
    }

    private func observeProjections(_ layer: AttentionLayer, key: Matrix, value: Matrix) {
        observe(module(layer.key.weight) + " output", key)
        observe(module(layer.value.weight) + " output", value)
    }

    // MARK: Norms and rotation of queries and keys

    enum Heads { case queries, keys }

    /// Norm and rotation of projected queries (of the tokens with an output) or keys, from `raw` into `target`, which is the
    /// same memory without a norm.
    private func turn(
        _ layer: AttentionLayer, _ heads: Heads, _ raw: Matrix, into target: Matrix, _ statistics: Matrix, _ pass: BlockPass,
        _ weights: LayerWeights
    ) throws(CollectiveError) {
        let isSelected = heads == .queries && pass.selection != nil
        let positions = isSelected ? pass.selected(pass.positions) : pass.positions
        let lengths = isSelected ? pass.lengths.map(pass.selected) : pass.lengths
        guard let norm = heads == .queries ? layer.queryNorm : layer.keyNorm else {
            return rotate(layer, target, positions, lengths)
        }
        let rotatesFirst = layer.configuration.queryKeyNorm!.followsRotary
        if rotatesFirst { rotate(layer, raw, positions, lengths) }
        try forward(heads: norm, layer, raw, into: target, statistics, weights)
        if !rotatesFirst { rotate(layer, target, positions, lengths) }
    }

    func rotate(_ layer: AttentionLayer, _ heads: Matrix, _ positions: [Int32], _ lengths: [Int32]?) {
        guard let rotary = layer.configuration.rotary else { return }
        rotaries[rotary]!.forward(heads, positions: positions, lengths: lengths, workers: workers)
    }

    private func forward(
        heads norm: NormLayer, _ layer: AttentionLayer, _ raw: Matrix, into target: Matrix, _ statistics: Matrix, _ weights: LayerWeights
    ) throws(CollectiveError) {
        guard layer.configuration.queryKeyNorm!.span == .allHeads else {
            return forward(norm, raw, weights, into: target, statistics: statistics)
        }
        let summands = buffers.headSums.matrix(rowCount: raw.rowCount, columnCount: 1)
        Normalization.sumOfSquares(raw, into: summands, workers: workers)
        let sums = try Partial(summands).allReduced(over: tensor)
        norm.kernel(width: raw.columnCount).forward(
            raw, weight: norm.weight.map { weights.vector($0) }, sums: sums, totalWidth: norm.fullWidth(table), into: target,
            statistics: statistics, workers: workers)
        observe(norm.module + " output", target)
    }

    // MARK: Columns

    struct ProjectionColumns { let query, key, value, queryAndKey: Matrix }

    /// The columns of queries, keys, values, and queries with keys.
    func projectionColumns(_ matrix: Matrix) -> ProjectionColumns {
        let (queryWidth, keyWidth) = (widths.attentionOutput, (matrix.columnCount - widths.attentionOutput) / 2)
        return ProjectionColumns(
            query: matrix.columns(0..<queryWidth), key: matrix.columns(queryWidth..<(queryWidth + keyWidth)),
            value: matrix.columns((queryWidth + keyWidth)..<matrix.columnCount),
            queryAndKey: matrix.columns(0..<(queryWidth + keyWidth)))
    }

    /// The same of queries and keys alone; there are no values.
    func rawColumns(_ matrix: Matrix) -> ProjectionColumns {
        let width = widths.attentionOutput
        return ProjectionColumns(
            query: matrix.columns(0..<width), key: matrix.columns(width..<matrix.columnCount), value: matrix.columns(0..<0),
            queryAndKey: matrix)
    }

    /// The statistics of the queries' or the keys' norm, of all tokens.
    func rawStatistics(_ saved: AttentionActivations, _ heads: Heads) -> Matrix {
        let all = saved.rawStatistics
        let queries = all.columnCount * rawShare.queries / max(rawShare.all, 1)
        return heads == .queries ? all.columns(0..<queries) : all.columns(queries..<all.columnCount)
    }

    /// Segments of the queries' norm, and of both norms.
    private var rawShare: (queries: Int, all: Int) {
        guard let norms = configuration.blocks[0].attention.queryKeyNorm else { return (0, 0) }
        let groups = widths.heads / configuration.headsPerGroup
        return norms.span == .allHeads ? (1, 2) : (widths.heads, widths.heads + groups)
    }

    /// `[L, A]` memory for selected queries before their norm; the queries' own without one.
    func selectedRaw(_ layer: AttentionLayer, _ selection: RowSelection, _ queries: Matrix) -> Matrix {
        layer.queryNorm == nil ? queries : buffers.selectedRaw.matrix(rowCount: selection.count, columnCount: queries.columnCount)
    }

    func selectedStatistics(_ layer: AttentionLayer, _ selection: RowSelection, _ saved: AttentionActivations) -> Matrix {
        buffers.selectedRawStatistics.matrix(
            rowCount: selection.count, columnCount: rawStatistics(saved, .queries).columnCount)
    }
}
