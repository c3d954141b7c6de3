import Foundation
import Settings
import Tensors

// U scored hidden rows, R targets (a row may have several), D model width, V' vocabulary rows on this rank.

/// The language-model head: tiled over tokens and vocabulary, so no array of size tokens × vocabulary ever exists.
///
/// The vocabulary is sharded over the tensor ranks. `forward` returns sums over this rank's range; after three small
/// all-reduces `PartialRowStatistics.combined` turns them into statistics of the full vocabulary. `backward` leaves this
/// rank's partial gradient of the hidden rows. Losses over distributions also read tiles of frozen models' logits
/// (`Head+Distributions.swift`).
public final class Head: @unchecked Sendable {
    let workers: Workers
    let logitCap: LogitCap?
    private let widened = ScratchMatrix()
    private var widenedReferences: [ScratchMatrix] = []
    let scratch: [HeadScratch]
    private let gradientTile = ScratchMatrix()
    /// The policy's logits, then the logits of each reference.
    var panelLogits: [ScratchMatrix] = []
    let panelShares = ScratchMatrix()

    /// Vocabulary rows per tile: the logits of 256 hidden rows fit a core's second-level cache.
    static let vocabularyLimit = 2048
    /// Most rows per task: hidden rows, or vocabulary rows of a weight gradient.
    static let rowLimit = 256
    /// Most hidden rows per backward panel: bounds the tile of logit gradients to 2,048 × 2,048.
    static let panelLimit = 2048

    /// - Parameter softCap: c: a logit l becomes c · tanh(l / c). All statistics, losses and gradients are of capped logits.
    public init(workers: Workers, softCap: Double? = nil) {
        self.workers = workers
        logitCap = softCap.map(LogitCap.init)
        scratch = (0..<workers.threadCount).map { _ in HeadScratch() }
    }

    /// For every row of `hidden[U, D]`: sums over `range` of the vocabulary, and the logits of targets inside `range`.
    ///
    /// - Parameters:
    ///   - weight: `[V', D]`, the rows of `range`.
    ///   - bias: `[1, V']`, added to the logits before the cap.
    ///   - targets: for each target its hidden row (an index below U) and its token.
    public func forward(
        _ hidden: Matrix, weight: WeightView, bias: Matrix? = nil, range: Range<Int>, targets: HeadTargets
    ) -> PartialRowStatistics {
        forward(
            hidden, weight: weight, bias: bias, range: range, targets: targets, references: [], requests: []
        ).statistics
    }

    /// Caps the logits of a layer outside the head (decoding computes a single row), in place. Without a cap nothing changes.
    public func cap(_ logits: Matrix) { logitCap?.forward(logits) }

    /// The policy's layer for `columns` of the range.
    func layer(_ columns: Range<Int>, weight: Matrix, bias: Matrix?) -> LogitLayer {
        LogitLayer(weight: weight, bias: bias?.columns(columns), cap: logitCap)
    }

    /// Calls `body` with every tile of logits over `range`: one vocabulary tile after the other, its row tiles in parallel.
    func forEachTile(
        _ hidden: Matrix, weight: WeightView, bias: Matrix?, range: Range<Int>, plan: DistributionPlan,
        _ body: (HeadTile) -> Void
    ) {
        let rowTiles = Tiles(sharing: hidden.rowCount, limit: Head.rowLimit)
        let vocabularyTiles = Tiles(range.count, limit: Head.vocabularyLimit)
        for vocabularyTile in 0..<vocabularyTiles.tileCount {
            let columns = vocabularyTiles[vocabularyTile]
            let layer = layer(columns, weight: weight.rows(columns).floats(using: widened, workers: workers), bias: bias)
            let frozen = layers(of: plan.references, columns)
            workers.run(rowTiles.tileCount) { tile, thread in
                let (rows, scratch) = (rowTiles[tile], self.scratch[thread])
                let logits = scratch.policy.matrix(rowCount: rows.count, columnCount: columns.count)
                layer.forward(hidden.rows(rows), into: logits)
                body(
                    HeadTile(
                        rows: rows, columns: columns, firstToken: range.lowerBound + columns.lowerBound, policy: logits,
                        cap: logitCap, references: scratch.logits(of: plan.references, layers: frozen, rows: rows)))
            }
        }
    }

    /// Each reference's layer for `columns` of the range. Valid until the next call.
    private func layers(of references: [ReferenceHead], _ columns: Range<Int>) -> [LogitLayer] {
        while widenedReferences.count < references.count { widenedReferences.append(ScratchMatrix()) }
        for scratch in scratch { scratch.reserve(referenceCount: references.count) }
        return references.indices.map { index in
            references[index].layer(columns) { $0.floats(using: widenedReferences[index], workers: workers) }
        }
    }

    /// This rank's partial gradients, from each target's weight g = ∂loss/∂log p(target). A logit's gradient is Σ over the
    /// row's targets of g · ([token = target] − p(token)), plus the gradients of `distributions`. With a cap c the gradient
    /// of a logit before the cap has the factor 1 − (z / c)², where z is the capped logit.
    ///
    /// - Parameters:
    ///   - logSumExp: `[U]`, over the whole vocabulary.
    ///   - gradients: `[R]`, one for each target.
    ///   - hiddenGradient: `[U, D]`, overwritten. An all-reduce over the tensor ranks completes it.
    ///   - weightGradient: `[V', D]`, added to.
    ///   - biasGradient: `[1, V']`, added to.
    ///   - references: at least the references that the losses of `distributions` name.
    public func backward(
        _ hidden: Matrix, weight: Matrix, bias: Matrix? = nil, range: Range<Int>, targets: HeadTargets,
        logSumExp: [Double], gradients: [Float], hiddenGradient: Matrix, weightGradient: Matrix,
        biasGradient: Matrix? = nil, references: [ReferenceHead] = [], distributions: [DistributionGradient] = []
    ) {
        for distribution in distributions { invariant(distribution.rows.count == hidden.rowCount, "each distribution has one row per hidden row") }
        let plan = DistributionPlan(
            distributions.map(\.request), among: references, range: range, rowCount: hidden.rowCount)
        let vocabularyTiles = Tiles(range.count, limit: Head.vocabularyLimit)
        let panels = Tiles(hidden.rowCount, limit: Head.panelLimit)
        if range.isEmpty { hiddenGradient.fill(0) }
        for panel in 0..<panels.tileCount {
            let rows = panels[panel]
            let rowTiles = Tiles(sharing: rows.count, limit: Head.rowLimit)
            for vocabularyTile in 0..<vocabularyTiles.tileCount {
                let columns = vocabularyTiles[vocabularyTile]
                let layer = layer(columns, weight: weight.rows(columns), bias: bias)
                let frozen = layers(of: plan.references, columns)
                let logits = gradientTile.matrix(rowCount: rows.count, columnCount: columns.count)
                workers.run(rowTiles.tileCount) { tile, thread in
                    let local = rowTiles[tile]
                    let source = (local.lowerBound + rows.lowerBound)..<(local.upperBound + rows.lowerBound)
                    let tileLogits = logits.rows(local)
                    layer.forward(hidden.rows(source), into: tileLogits)
                    let tile = HeadTile(
                        rows: source, columns: columns, firstToken: range.lowerBound + columns.lowerBound,
                        policy: tileLogits, cap: logitCap,
                        references: self.scratch[thread].logits(of: plan.references, layers: frozen, rows: source))
                    tile.logitGradients(
                        targets: targets, logSumExp: logSumExp, gradients: gradients, plan: plan,
                        distributions: distributions, scratch: self.scratch[thread])
                    MatrixProduct.multiply(
                        tileLogits, layer.weight, into: hiddenGradient.rows(source), beta: vocabularyTile == 0 ? 0 : 1)
                }
                let weightTiles = Tiles(columns.count, limit: Head.rowLimit)
                workers.run(weightTiles.tileCount) { tile, _ in
                    let local = weightTiles[tile]
                    let target = (local.lowerBound + columns.lowerBound)..<(local.upperBound + columns.lowerBound)
                    MatrixProduct.multiply(
                        logits.columns(local), hidden.rows(rows), transposeFirst: true, into: weightGradient.rows(target),
                        beta: 1)
                    if let biasGradient { Linear.backwardBias(logits.columns(local), into: biasGradient.columns(target)) }
                }
            }
        }
    }
}
