import Foundation
import Settings
import Tensors

// U hidden rows that are scored, R targets (a row may have several), D model width, V' rows of the vocabulary on this rank.

/// The language-model head: tiled over tokens and vocabulary, so nothing of size tokens × vocabulary ever exists.
///
/// Vocab-parallel by construction: `forward` leaves sums over this rank's range, which `PartialRowStatistics.combined`
/// turns into whole ones after three small reductions; `backward` leaves this rank's share of the hidden rows' gradient.
/// Losses over distributions see the tiles of frozen models beside the policy's (`Head+Distributions.swift`).
public final class Head: @unchecked Sendable {
    let workers: Workers
    private let widened = ScratchMatrix()
    private var widenedReferences: [ScratchMatrix] = []
    let scratch: [HeadScratch]
    private let gradientTile = ScratchMatrix()
    /// The policy's, then each reference's.
    var panelLogits: [ScratchMatrix] = []
    let panelShares = ScratchMatrix()

    /// Vocabulary rows a tile: with 256 tokens its logits fit a core's second-level cache.
    static let vocabularyLimit = 2048
    /// Rows of a task.
    static let rowLimit = 256
    /// Tokens a backward panel: bounds the tile of logit gradients to 2,048 × 2,048.
    static let panelLimit = 2048

    public init(workers: Workers) {
        self.workers = workers
        scratch = (0..<workers.threadCount).map { _ in HeadScratch() }
    }

    /// Sums over `range` of the vocabulary for every row of `hidden[U, D]`, and the logits of the targets that lie in it.
    ///
    /// - Parameters:
    ///   - weight: `[V', D]`, the rows of `range`.
    ///   - targets: for each target its hidden row (an index below U) and its token.
    public func forward(
        _ hidden: Matrix, weight: WeightView, range: Range<Int>, targets: HeadTargets
    ) -> PartialRowStatistics {
        forward(hidden, weight: weight, range: range, targets: targets, references: [], requests: []).statistics
    }

    /// The tiles of all logits over `range`: vocabulary tiles one after the other, the row tiles of each side by side.
    func forEachTile(
        _ hidden: Matrix, weight: WeightView, range: Range<Int>, plan: DistributionPlan, _ body: (HeadTile) -> Void
    ) {
        let rowTiles = Tiles(sharing: hidden.rowCount, limit: Head.rowLimit)
        let vocabularyTiles = Tiles(range.count, limit: Head.vocabularyLimit)
        for vocabularyTile in 0..<vocabularyTiles.tileCount {
            let columns = vocabularyTiles[vocabularyTile]
            let matrix = weight.rows(columns).floats(using: widened, workers: workers)
            let frozen = floats(of: plan.references, columns)
            workers.run(rowTiles.tileCount) { tile, thread in
                let (rows, scratch) = (rowTiles[tile], self.scratch[thread])
                let logits = scratch.policy.matrix(rowCount: rows.count, columnCount: columns.count)
                MatrixProduct.multiply(hidden.rows(rows), matrix, transposeSecond: true, into: logits)
                body(
                    HeadTile(
                        rows: rows, columns: columns, firstToken: range.lowerBound + columns.lowerBound, policy: logits,
                        references: scratch.logits(of: plan.references, weights: frozen, rows: rows)))
            }
        }
    }

    /// Each reference's rows among `columns` of the range, as floats until the next call.
    private func floats(of references: [ReferenceHead], _ columns: Range<Int>) -> [Matrix] {
        while widenedReferences.count < references.count { widenedReferences.append(ScratchMatrix()) }
        for scratch in scratch { scratch.reserve(referenceCount: references.count) }
        return references.indices.map { index in
            let weight = references[index].weight
            return weight.rows(columns.clamped(to: 0..<weight.rowCount))
                .floats(using: widenedReferences[index], workers: workers)
        }
    }

    /// This rank's share of the gradients, from each target's weight g = ∂loss/∂log p(target):
    /// a logit's gradient is Σ g over the row's targets of ([token = target] − p(token)), and what `distributions` add.
    ///
    /// - Parameters:
    ///   - logSumExp: `[U]`, over the whole vocabulary.
    ///   - gradients: `[R]`, one for each target.
    ///   - hiddenGradient: `[U, D]`, written; a sum over the tensor ranks makes it whole.
    ///   - weightGradient: `[V', D]`, added to.
    ///   - references: those whom the losses of `distributions` name.
    public func backward(
        _ hidden: Matrix, weight: Matrix, range: Range<Int>, targets: HeadTargets, logSumExp: [Double],
        gradients: [Float], hiddenGradient: Matrix, weightGradient: Matrix, references: [ReferenceHead] = [],
        distributions: [DistributionGradient] = []
    ) {
        for distribution in distributions { invariant(distribution.rows.count == hidden.rowCount, "each distribution has a row for each hidden one") }
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
                let matrix = weight.rows(columns)
                let frozen = floats(of: plan.references, columns)
                let logits = gradientTile.matrix(rowCount: rows.count, columnCount: columns.count)
                workers.run(rowTiles.tileCount) { tile, thread in
                    let local = rowTiles[tile]
                    let source = (local.lowerBound + rows.lowerBound)..<(local.upperBound + rows.lowerBound)
                    let tileLogits = logits.rows(local)
                    MatrixProduct.multiply(hidden.rows(source), matrix, transposeSecond: true, into: tileLogits)
                    let tile = HeadTile(
                        rows: source, columns: columns, firstToken: range.lowerBound + columns.lowerBound,
                        policy: tileLogits,
                        references: self.scratch[thread].logits(of: plan.references, weights: frozen, rows: source))
                    tile.logitGradients(
                        targets: targets, logSumExp: logSumExp, gradients: gradients, plan: plan,
                        distributions: distributions, scratch: self.scratch[thread])
                    MatrixProduct.multiply(
                        tileLogits, matrix, into: hiddenGradient.rows(source), beta: vocabularyTile == 0 ? 0 : 1)
                }
                let weightTiles = Tiles(columns.count, limit: Head.rowLimit)
                workers.run(weightTiles.tileCount) { tile, _ in
                    let local = weightTiles[tile]
                    let target = (local.lowerBound + columns.lowerBound)..<(local.upperBound + columns.lowerBound)
                    MatrixProduct.multiply(
                        logits.columns(local), hidden.rows(rows), transposeFirst: true, into: weightGradient.rows(target),
                        beta: 1)
                }
            }
        }
    }
}
