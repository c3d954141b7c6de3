import Foundation
import Tensors

// U hidden rows that are scored, R targets (a row may have several), D model width, V' rows of the vocabulary on this rank.

/// What the head learns of one hidden row's distribution over the vocabulary, logits never leaving their tile.
public struct RowStatistics: Equatable, Sendable {
    /// log Σ exp(logit)
    public var logSumExp: Double
    /// Σ p², the probability that two draws agree.
    public var sumOfSquaredProbabilities: Double
    /// −Σ p log p, nats.
    public var entropy: Double
    /// Mean logit over the vocabulary.
    public var meanLogit: Double
    /// The most probable token; the lowest of equals.
    public var mostProbable: Int
}

/// The language-model head: tiled over tokens and vocabulary, so nothing of size tokens × vocabulary ever exists.
///
/// Vocab-parallel by construction: `forward` leaves sums over this rank's range, which `PartialRowStatistics.combined`
/// turns into whole ones after three small reductions; `backward` leaves this rank's share of the hidden rows' gradient.
public final class Head: @unchecked Sendable {
    private let workers: Workers
    private let widened = ScratchMatrix()
    private let tileStorage: [ScratchMatrix]
    private let gradientTile = ScratchMatrix()

    /// Vocabulary rows a tile: with 256 tokens its logits fit a core's second-level cache.
    static let vocabularyLimit = 2048
    /// Tokens a backward panel: bounds the tile of logit gradients to 2,048 × 2,048.
    static let panelLimit = 2048

    public init(workers: Workers) {
        self.workers = workers
        tileStorage = (0..<workers.threadCount).map { _ in ScratchMatrix() }
    }

    /// Sums over `range` of the vocabulary for every row of `hidden[U, D]`, and the logits of the targets that lie in it.
    ///
    /// - Parameters:
    ///   - weight: `[V', D]`, the rows of `range`.
    ///   - targets: for each target its hidden row (an index below U) and its token.
    public func forward(
        _ hidden: Matrix, weight: WeightView, range: Range<Int>, targets: HeadTargets
    ) -> PartialRowStatistics {
        var statistics = PartialRowStatistics(rowCount: hidden.rowCount, targetCount: targets.count)
        let rowTiles = Tiles(hidden.rowCount, limit: Linear.rowLimit)
        let vocabularyTiles = Tiles(range.count, limit: Head.vocabularyLimit)
        statistics.withUnsafeAccess { access in
            nonisolated(unsafe) let access = access
            for vocabularyTile in 0..<vocabularyTiles.tileCount {
                let columns = vocabularyTiles[vocabularyTile]
                let matrix = weight.rows(columns).floats(using: widened, workers: workers)
                let start = range.lowerBound + columns.lowerBound
                workers.run(rowTiles.tileCount) { tile, thread in
                    let rows = rowTiles[tile]
                    let logits = self.tileStorage[thread].matrix(rowCount: rows.count, columnCount: columns.count)
                    MatrixProduct.multiply(hidden.rows(rows), matrix, transposeSecond: true, into: logits)
                    for row in rows {
                        let values = logits.row(row - rows.lowerBound)
                        access.add(values, count: columns.count, firstToken: start, toRow: row)
                        for index in targets.indices(ofRow: row) {
                            let column = targets.token(index) - start
                            if column >= 0 && column < columns.count {
                                access.targetLogits[index] = Double(values[column])
                            }
                        }
                    }
                }
            }
        }
        return statistics
    }

    /// This rank's share of the gradients, from each target's weight g = ∂loss/∂log p(target):
    /// a logit's gradient is Σ g over the row's targets of ([token = target] − p(token)).
    ///
    /// - Parameters:
    ///   - logSumExp: `[U]`, over the whole vocabulary.
    ///   - gradients: `[R]`, one for each target.
    ///   - hiddenGradient: `[U, D]`, written; a sum over the tensor ranks makes it whole.
    ///   - weightGradient: `[V', D]`, added to.
    public func backward(
        _ hidden: Matrix, weight: Matrix, range: Range<Int>, targets: HeadTargets, logSumExp: [Double],
        gradients: [Float], hiddenGradient: Matrix, weightGradient: Matrix
    ) {
        let vocabularyTiles = Tiles(range.count, limit: Head.vocabularyLimit)
        let panels = Tiles(hidden.rowCount, limit: Head.panelLimit)
        if range.isEmpty { hiddenGradient.fill(0) }
        for panel in 0..<panels.tileCount {
            let rows = panels[panel]
            let rowTiles = Tiles(rows.count, limit: Linear.rowLimit)
            for vocabularyTile in 0..<vocabularyTiles.tileCount {
                let columns = vocabularyTiles[vocabularyTile]
                let matrix = weight.rows(columns)
                let start = range.lowerBound + columns.lowerBound
                let logits = gradientTile.matrix(rowCount: rows.count, columnCount: columns.count)
                workers.run(rowTiles.tileCount) { tile, _ in
                    let local = rowTiles[tile]
                    let source = (local.lowerBound + rows.lowerBound)..<(local.upperBound + rows.lowerBound)
                    let tileLogits = logits.rows(local)
                    MatrixProduct.multiply(hidden.rows(source), matrix, transposeSecond: true, into: tileLogits)
                    for row in source {
                        Head.logitGradient(
                            tileLogits.row(row - source.lowerBound), count: columns.count, firstToken: start, row: row,
                            targets: targets, logSumExp: logSumExp[row], gradients: gradients)
                    }
                    MatrixProduct.multiply(
                        tileLogits, matrix, into: hiddenGradient.rows(source), beta: vocabularyTile == 0 ? 0 : 1)
                }
                let weightTiles = Tiles(columns.count, limit: Linear.rowLimit)
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

    /// Turns a row's logits into their gradient, in place.
    private static func logitGradient(
        _ logits: UnsafeMutablePointer<Float>, count: Int, firstToken: Int, row: Int, targets: HeadTargets,
        logSumExp: Double, gradients: [Float]
    ) {
        let indices = targets.indices(ofRow: row)
        var weight: Float = 0
        for index in indices { weight += gradients[index] }
        let offset = Float(logSumExp)
        var column = 0
        while column + 8 <= count {
            logits.store8(exponential(logits.load8(column) - offset) * -weight, column)
            column += 8
        }
        if column < count {
            let value = exponential(logits.loadPartial(column, count: count - column, fill: offset) - offset) * -weight
            logits.storePartial(value, column, count: count - column)
        }
        for index in indices {
            let target = targets.token(index) - firstToken
            if target >= 0 && target < count { logits[target] += gradients[index] }
        }
    }
}

/// Which tokens each hidden row predicts: targets in their own order, found by row.
public struct HeadTargets: Sendable {
    private let tokens: [Int32]
    private let order: [Int]
    private let starts: [Int]

    /// - Parameter rows: for each target its hidden row, below `rowCount`.
    public init(rows: [Int], tokens: [Int32], rowCount: Int) {
        precondition(rows.count == tokens.count)
        self.tokens = tokens
        var counts = [Int](repeating: 0, count: rowCount + 1)
        for row in rows { counts[row + 1] += 1 }
        for row in 0..<rowCount { counts[row + 1] += counts[row] }
        starts = counts
        var next = counts
        var order = [Int](repeating: 0, count: rows.count)
        for (target, row) in rows.enumerated() {
            order[next[row]] = target
            next[row] += 1
        }
        self.order = order
    }

    public var count: Int { tokens.count }

    func indices(ofRow row: Int) -> ArraySlice<Int> { order[starts[row]..<starts[row + 1]] }
    func token(_ index: Int) -> Int { Int(tokens[index]) }
}
