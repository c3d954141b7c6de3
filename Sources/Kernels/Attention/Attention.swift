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
    let sizes: AttentionSizes
    let workers: Workers
    let scratch: [AttentionScratch]
    let packedKeys: AttentionKeys
    /// Partial gradients of keys that several tasks see, for each group.
    let partials = GrowingStorage()
    /// `[T, G·J]` the corrections Σ o·∂o of backward.
    let corrections = ScratchMatrix()

    public init(groupCount: Int, headsPerGroup: Int, headDimension: Int, workers: Workers) {
        self.groupCount = groupCount
        self.headsPerGroup = headsPerGroup
        self.headDimension = headDimension
        self.workers = workers
        let sizes = AttentionSizes(headsPerGroup: headsPerGroup, headDimension: headDimension)
        self.sizes = sizes
        packedKeys = AttentionKeys(headDimension: headDimension)
        scratch = (0..<workers.threadCount).map { _ in AttentionScratch(sizes) }
    }

    public var projectionWidth: Int { (headsPerGroup + 2) * groupCount * headDimension }
    public var outputWidth: Int { headsPerGroup * groupCount * headDimension }

    private var scale: Double { 1 / Double(headDimension).squareRoot() }
    /// Queries are multiplied by this factor, so that scores are exponents of 2.
    var queryScale: Float { Float(scale / Softmax.logOfTwo) }
    /// Key gradients are first summed over queries times `queryScale`. This factor replaces `queryScale` by 1/√E.
    var keyGradientScale: Float { Float(Softmax.logOfTwo) }
    var queryGradientScale: Float { Float(scale) }

    /// `output[T, G·J·E] = softmax(scale · Q·Kᵀ, over visible keys) · V`; `logSumExp[T, G·J]` of the scaled scores is
    /// kept for backward.
    ///
    /// - Parameter firstQuery: the token of the first row of `output` and `logSumExp`. In decoding only new tokens have rows.
    public func forward(
        _ projections: Matrix, plan: AttentionPlan, into output: Matrix, logSumExp: Matrix, firstQuery: Int = 0
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
                scratch.maxima.update(repeating: -.infinity, count: piece.rowCount)
                scratch.sums.update(repeating: 0, count: piece.rowCount)
                self.forEachTile(piece, block, place) { tile in
                    tile.countVisible(into: scratch.visible)
                    tile.multiply(scratch.queries, byTransposed: keys, into: scratch.scores)
                    self.exponentiate(tile, scratch)
                    tile.add(scratch.scores, times: values, to: scratch.outputs, visible: scratch.visible)
                }
                self.writeOutputs(piece, group, scratch, firstQuery: firstQuery, into: output, logSumExp)
            }
        }
    }

    /// Turns a tile's scores into weights relative to each row's running maximum. If the maximum grows, the row's output sums
    /// are rescaled.
    private func exponentiate(_ tile: AttentionTile, _ scratch: AttentionScratch) {
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

    // MARK: Tasks, pieces of queries, tiles of keys

    typealias BlockPlace = (prefix: AttentionPlan.KeyPlace, own: AttentionPlan.KeyPlace)

    func runTasks(
        _ plan: AttentionPlan, _ body: (_ task: AttentionPlan.Task, _ group: Int, _ scratch: AttentionScratch) -> Void
    ) {
        workers.run(plan.tasks.count * groupCount) { number, thread in
            let (task, group) = number.quotientAndRemainder(dividingBy: groupCount)
            body(plan.tasks[task], group, scratch[thread])
        }
    }

    func forEachPiece(
        _ task: AttentionPlan.Task,
        _ body: (_ piece: AttentionPiece, _ block: AttentionPlan.Block, _ place: BlockPlace) -> Void
    ) {
        for (block, place) in zip(task.blocks, task.places) {
            for start in stride(from: block.queries.lowerBound, to: block.queries.upperBound, by: sizes.tokenLimit) {
                let tokens = start..<min(start + sizes.tokenLimit, block.queries.upperBound)
                body(AttentionPiece(tokens: tokens, headsPerGroup: headsPerGroup), block, place)
            }
        }
    }

    /// Calls `body` with each tile of keys that a piece sees: first the prefix, then its own segment up to the piece's last
    /// token.
    @inline(__always)
    func forEachTile(
        _ piece: AttentionPiece, _ block: AttentionPlan.Block, _ place: BlockPlace,
        _ body: (AttentionTile) -> Void
    ) {
        func cut(_ count: Int, _ place: AttentionPlan.KeyPlace, isFirst: Bool, firstVisible: (_ start: Int) -> Int) {
            guard count > 0 else { return }
            let tiles = Tiles(count, limit: AttentionSizes.keyLimit)
            for index in 0..<tiles.tileCount {
                let keys = tiles[index]
                body(
                    AttentionTile(
                        packedRow: place.packedRow + keys.lowerBound, gradientRow: place.gradientRow + keys.lowerBound,
                        keyCount: keys.count, firstVisible: firstVisible(keys.lowerBound), headsPerGroup: headsPerGroup,
                        isFirst: isFirst && index == 0, rowCount: piece.rowCount))
            }
        }
        let seen = piece.tokens.lowerBound - block.own.lowerBound
        cut(block.prefix.count, place.prefix, isFirst: true) { _ in AttentionSizes.keyLimit }
        cut(seen + piece.tokens.count, place.own, isFirst: block.prefix.isEmpty) { seen + 1 - $0 }
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
