import Foundation
import Tensors

// T tokens, G key/value heads on this rank, J query heads a group, E head dimension, R stacked rows of a piece of queries.
// A row of `projections[T, (G·J + 2·G)·E]` is: all query heads, all key heads, all value heads.

/// Grouped-query attention (Ainslie et al., arXiv:2305.13245) over the segments of a flat token axis, tile by tile of keys
/// with a running softmax (Dao et al., arXiv:2205.14135).
///
/// Keys and values are packed once per call. A task is a part of a unit of the plan, for one key/value head. It takes one
/// piece of queries at a time, with the J heads of a group stacked to R rows, and loops over tiles of keys. A tile's scores
/// stay in the cache.
public final class Attention: @unchecked Sendable {
    let groupCount: Int
    let headsPerGroup: Int
    let headDimension: Int
    /// The factor of the products of queries and keys.
    let scale: Double
    let scoreCap: ScoreCap?
    let sizes: AttentionSizes
    let workers: Workers
    let scratch: [AttentionScratch]
    let packedKeys: AttentionKeys
    /// Partial gradients of keys that several tasks see, for each group.
    let partials = GrowingStorage()
    /// `[T, G·J]` the corrections Σ o·∂o of backward.
    let corrections = ScratchMatrix()

    /// - Parameters:
    ///   - scale: the factor of the products of queries and keys; nil: 1/√E.
    ///   - softCap: c: a scaled score s becomes c · tanh(s / c), before the mask (Gemma 2, arXiv:2408.00118); nil: no cap.
    public init(
        groupCount: Int, headsPerGroup: Int, headDimension: Int, scale: Double? = nil, softCap: Double? = nil, workers: Workers
    ) {
        self.scale = scale ?? 1 / Double(headDimension).squareRoot()
        scoreCap = softCap.map { ScoreCap($0) }
        self.groupCount = groupCount
        self.headsPerGroup = headsPerGroup
        self.headDimension = headDimension
        self.workers = workers
        let sizes = AttentionSizes(headsPerGroup: headsPerGroup, headDimension: headDimension)
        self.sizes = sizes
        packedKeys = AttentionKeys(headDimension: headDimension)
        scratch = (0..<workers.threadCount).map { _ in AttentionScratch(sizes, keepsSlopes: softCap != nil) }
    }

    public var projectionWidth: Int { (headsPerGroup + 2) * groupCount * headDimension }
    public var outputWidth: Int { headsPerGroup * groupCount * headDimension }

    /// Queries are multiplied by this factor, so that scores are exponents of 2.
    var queryScale: Float { Float(scale / Softmax.logOfTwo) }
    /// Key gradients are first summed over queries times `queryScale`. This factor replaces `queryScale` by the scale.
    var keyGradientScale: Float { Float(Softmax.logOfTwo) }
    var queryGradientScale: Float { Float(scale) }

    /// `output[T, G·J·E] = softmax(scale · Q·Kᵀ, over visible keys) · V`; `logSumExp[T, G·J]` of the scaled scores is
    /// kept for backward.
    ///
    /// - Parameters:
    ///   - sinks: `[1, G·J]` a logit for each query head that joins each softmax and has no value (gpt-oss,
    ///     arXiv:2508.10925). It is neither scaled nor capped. `logSumExp` includes it.
    ///   - firstQuery: the token of the first row of `output` and `logSumExp`. In decoding only new tokens have rows.
    public func forward(
        _ projections: Matrix, sinks: Matrix? = nil, plan: AttentionPlan, into output: Matrix, logSumExp: Matrix,
        firstQuery: Int = 0
    ) {
        packedKeys.reserve(rowCount: plan.packedRowCount, groupCount: groupCount, formCount: 2)
        workers.run(plan.packs.count) { index, _ in
            let span = plan.packs[index]
            for group in 0..<self.groupCount {
                self.packedKeys.transposed(group, form: 0).set(
                    from: span.row, to: self.keys(projections, group).rows(span.tokens))
                self.packedKeys.panels(group, form: 1).set(
                    from: span.row, to: self.values(projections, group).rows(span.tokens))
            }
        }
        runTasks(plan) { task, group, scratch in
            let keys = self.packedKeys.transposed(group, form: 0)
            let values = self.packedKeys.panels(group, form: 1)
            self.forEachPiece(task) { piece, block, place in
                self.packRows(self.queries(projections, group), piece, times: self.queryScale, into: scratch.queries)
                self.startSums(piece, group, sinks: sinks, scratch)
                self.forEachTile(piece, block, place, scratch) { tile in
                    tile.multiply(scratch.queries, byTransposed: keys, into: scratch.scores)
                    if let cap = self.scoreCap { tile.cap(scratch, by: cap) }
                    self.exponentiate(tile, scratch)
                    tile.add(scratch.scores, times: values, to: scratch.outputs, scratch)
                }
                self.writeOutputs(piece, group, scratch, firstQuery: firstQuery, into: output, logSumExp)
            }
        }
    }

    /// Starts each row's softmax: empty, or with its head's sink.
    private func startSums(_ piece: AttentionPiece, _ group: Int, sinks: Matrix?, _ scratch: AttentionScratch) {
        guard let sinks else {
            scratch.maxima.update(repeating: -.infinity, count: piece.rowCount)
            scratch.sums.update(repeating: 0, count: piece.rowCount)
            return
        }
        for row in 0..<piece.rowCount {
            scratch.maxima[row] = sinks[0, group * headsPerGroup + row % headsPerGroup] * Float(1 / Softmax.logOfTwo)
        }
        scratch.sums.update(repeating: 1, count: piece.rowCount)
    }

    /// Turns a tile's scores into weights relative to each row's running maximum. If the maximum grows, the row's output sums
    /// are rescaled.
    private func exponentiate(_ tile: AttentionTile, _ scratch: AttentionScratch) {
        if tile.firstHidden != nil { return exponentiateWindow(tile, scratch) }
        for row in 0..<tile.rowCount {
            let visible = Int(scratch.visible[row])
            let scores = scratch.scores + row &* AttentionSizes.scoreStride
            if visible > 0 {
                let factor = Softmax.forward(
                    scores, visible: visible, maximum: &scratch.maxima[row], sum: &scratch.sums[row])
                if let factor, !tile.isFirst { scratch.outputs.scale(row, by: factor) }
            } else {
                scores.store8(.zero, 0)
            }
        }
    }

    /// As `exponentiate`, for rows that do not see the tile's first keys.
    private func exponentiateWindow(_ tile: AttentionTile, _ scratch: AttentionScratch) {
        for row in 0..<tile.rowCount {
            let (hidden, visible) = (Int(scratch.hidden[row]), Int(scratch.visible[row]))
            let scores = scratch.scores + row &* AttentionSizes.scoreStride
            if hidden < visible {
                let start = Softmax.hide(scores, before: hidden, as: -.infinity)
                let factor = Softmax.forward(
                    scores + start, visible: visible &- start, maximum: &scratch.maxima[row], sum: &scratch.sums[row])
                if let factor, !tile.isFirst { scratch.outputs.scale(row, by: factor) }
            }
            Softmax.clear(scores, hidden: hidden, visible: visible)
        }
    }

    private func writeOutputs(
        _ piece: AttentionPiece, _ group: Int, _ scratch: AttentionScratch, firstQuery: Int, into output: Matrix,
        _ logSumExp: Matrix
    ) {
        let target = queries(output, group)
        for (index, token) in piece.tokens.enumerated() {
            for head in 0..<headsPerGroup {
                let row = index * headsPerGroup + head
                scratch.outputs.copy(
                    row, into: target.row(token - firstQuery) + head * headDimension, times: 1 / scratch.sums[row])
                logSumExp.row(token - firstQuery)[group * headsPerGroup + head] =
                    Float(Softmax.logOfTwo) * scratch.maxima[row] + log(scratch.sums[row])
            }
        }
    }

    // MARK: Views and packed forms of one group

    /// The group's query heads, `[T, J·E]`. Outputs have the same columns.
    func queries(_ matrix: Matrix, _ group: Int) -> Matrix {
        let width = headsPerGroup * headDimension
        return matrix.columns((group * width)..<((group + 1) * width))
    }

    /// `[T, E]`
    func keys(_ matrix: Matrix, _ group: Int) -> Matrix {
        let start = (headsPerGroup * groupCount + group) * headDimension
        return matrix.columns(start..<(start + headDimension))
    }

    /// `[T, E]`
    func values(_ matrix: Matrix, _ group: Int) -> Matrix {
        let start = ((headsPerGroup + 1) * groupCount + group) * headDimension
        return matrix.columns(start..<(start + headDimension))
    }

    /// Copies the piece's tokens of `source[T, J·E]`, times `factor`, to stacked rows `[R, E]`.
    func packRows(_ source: Matrix, _ piece: AttentionPiece, times factor: Float, into rows: Panels) {
        for (index, token) in piece.tokens.enumerated() {
            for head in 0..<headsPerGroup {
                rows.set(index * headsPerGroup + head, to: source.row(token) + head * headDimension, times: factor)
            }
        }
    }
}
