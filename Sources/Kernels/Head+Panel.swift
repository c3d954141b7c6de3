import Tensors

// P rows of a panel, D model width, V' rows of the vocabulary on this rank.

/// The head forward and backward over a panel of rows whose logits are kept in between: for losses that know the targets'
/// gradients before their probabilities. Tasks are groups of the vocabulary's tiles, so that a weight is packed for the
/// matrix kernel once a panel, and no task waits for another.
extension Head {
    /// Logits of a panel: 96 MiB, whatever the vocabulary.
    private static let panelFloatLimit = 24 << 20
    /// Fewer rows would make the products with the weights slow; only vocabularies above 190,000 tokens go beyond the limit.
    private static let leastPanelRows = 128
    /// Vocabulary rows a tile: a few hundred rows' logits of it fit a core's second-level cache, or nearly.
    fileprivate static let panelTileLimit = 1024
    /// Tasks of a panel; each leaves a share of the hidden rows' gradient.
    fileprivate static let panelGroupCount = 16

    /// The panels of `rowCount` rows over at most `columnCount` rows of the vocabulary a rank.
    public static func panels(rowCount: Int, columnCount: Int) -> [Range<Int>] {
        let fitting = panelFloatLimit / max(columnCount, 1) / 16 * 16
        let tiles = Tiles(rowCount, limit: max(leastPanelRows, min(fitting, panelLimit)))
        return (0..<tiles.tileCount).map { tiles[$0] }
    }

    /// Sums over `range` of the vocabulary for every row of `hidden[P, D]`, whose logits stay for `backwardPanel`.
    ///
    /// - Parameter targets: their rows counted from the panel's first.
    public func forwardPanel(
        _ hidden: Matrix, weight: Matrix, range: Range<Int>, targets: HeadTargets
    ) -> PartialRowStatistics {
        let tiles = PanelTiles(rowCount: hidden.rowCount, range: range, logits: panelLogits)
        let parts = Shared(tiles.groups.count) { _ in
            PartialRowStatistics(rowCount: hidden.rowCount, targetCount: targets.count)
        }
        workers.run(tiles.groups.count) { group, _ in
            parts[group].withUnsafeAccess { access in
                for tile in tiles.groups[group].map({ tiles[$0] }) {
                    MatrixProduct.multiply(hidden, weight.rows(tile.columns), transposeSecond: true, into: tile.policy)
                    for row in tile.rows { tile.add(row, targets: targets, to: access) }
                }
            }
        }
        return .merged(parts.values, rowCount: hidden.rowCount, targetCount: targets.count)
    }

    /// This rank's share of the gradients of the panel that `forwardPanel` saw last.
    ///
    /// - Parameters:
    ///   - logSumExp: `[P]`, over the whole vocabulary.
    ///   - gradients: one for each of `targets`.
    ///   - hiddenGradient: `[P, D]`, written.
    ///   - weightGradient: `[V', D]`, added to.
    public func backwardPanel(
        _ hidden: Matrix, weight: Matrix, range: Range<Int>, targets: HeadTargets, logSumExp: [Double],
        gradients: [Float], hiddenGradient: Matrix, weightGradient: Matrix
    ) {
        let tiles = PanelTiles(rowCount: hidden.rowCount, range: range, logits: panelLogits)
        let (rowCount, width) = (hidden.rowCount, hidden.columnCount)
        let shares = panelShares.matrix(rowCount: tiles.groups.count * rowCount, columnCount: width)
        workers.run(tiles.groups.count) { group, _ in
            let share = shares.rows((group * rowCount)..<((group + 1) * rowCount))
            for index in tiles.groups[group] {
                let tile = tiles[index]
                tile.likelihoodGradients(targets: targets, logSumExp: logSumExp, gradients: gradients)
                MatrixProduct.multiply(
                    tile.policy, weight.rows(tile.columns), into: share,
                    beta: index == tiles.groups[group].lowerBound ? 0 : 1)
                MatrixProduct.multiply(
                    tile.policy, hidden, transposeFirst: true, into: weightGradient.rows(tile.columns), beta: 1)
            }
        }
        guard !tiles.groups.isEmpty else { return hiddenGradient.fill(0) }
        let rowTiles = Tiles(rowCount, limit: 64)
        workers.run(rowTiles.tileCount) { tile, _ in
            for row in rowTiles[tile] {
                let target = hiddenGradient.row(row)
                target.update(from: shares.row(row), count: width)
                for group in 1..<tiles.groups.count {
                    Elementwise.add(shares.row(group * rowCount + row), to: target, count: width)
                }
            }
        }
    }
}

/// A panel's logits, vocabulary tile after vocabulary tile, and which tiles make a task.
private struct PanelTiles {
    private let rowCount: Int
    private let firstToken: Int
    private let columns: Tiles
    private let logits: Matrix
    let groups: [Range<Int>]

    init(rowCount: Int, range: Range<Int>, logits scratch: ScratchMatrix) {
        self.rowCount = rowCount
        firstToken = range.lowerBound
        columns = Tiles(range.count, limit: Head.panelTileLimit)
        // Rows 16 floats longer than a tile: at a power of two they would share few cache sets.
        logits = scratch.matrix(rowCount: columns.tileCount * rowCount, columnCount: Head.panelTileLimit + 16)
        let (count, perGroup) = (columns.tileCount, (columns.tileCount + Head.panelGroupCount - 1) / Head.panelGroupCount)
        groups = stride(from: 0, to: count, by: max(perGroup, 1)).map { $0..<min($0 + perGroup, count) }
    }

    subscript(index: Int) -> HeadTile {
        let own = columns[index]
        return HeadTile(
            rows: 0..<rowCount, columns: own, firstToken: firstToken + own.lowerBound,
            policy: logits.rows((index * rowCount)..<((index + 1) * rowCount)).columns(0..<own.count), references: [])
    }
}

/// Values of which each task changes one of its own.
private final class Shared<Value>: @unchecked Sendable {
    private let memory: UnsafeMutableBufferPointer<Value>

    init(_ count: Int, _ value: (Int) -> Value) {
        memory = .allocate(capacity: count)
        for index in 0..<count { memory.initializeElement(at: index, to: value(index)) }
    }

    deinit { memory.deinitialize().deallocate() }

    var values: [Value] { Array(memory) }

    subscript(index: Int) -> Value {
        get { memory[index] }
        _modify { yield &memory[index] }
    }
}
