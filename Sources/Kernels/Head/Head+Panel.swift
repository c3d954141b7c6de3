import Tensors

// P rows of a panel, D model width, V' vocabulary rows on this rank.

/// The head forward and backward over a panel of rows. The logits of the policy and of frozen models are kept in between.
/// This is for losses whose row weights do not depend on probabilities.
///
/// A task is a group of vocabulary tiles. So a weight is packed for the matrix kernel once per panel, and no task waits for
/// another.
extension Head {
    /// Most logits of one model in a panel: 96 MiB for any vocabulary.
    private static let panelFloatLimit = 24 << 20
    /// Fewer rows would make the products with the weights slow. Only vocabularies above 190,000 tokens then exceed
    /// `panelFloatLimit`.
    private static let leastPanelRows = 128
    /// Vocabulary rows per tile: the logits of a few hundred hidden rows (nearly) fit a core's second-level cache.
    fileprivate static let panelTileLimit = 1024
    /// Floats behind each row of a tile: at a power of two, rows would share few cache sets.
    fileprivate static let panelRowPadding = 16
    /// Most tasks per panel. Each task leaves a partial gradient of the hidden rows.
    fileprivate static let panelGroupCount = 16

    /// Cuts `rowCount` rows into panels, for at most `columnCount` vocabulary rows per rank.
    public static func panels(rowCount: Int, columnCount: Int) -> [Range<Int>] {
        let fitting = panelFloatLimit / max(columnCount, 1) / 16 * 16
        let tiles = Tiles(rowCount, limit: max(leastPanelRows, min(fitting, panelLimit)))
        return (0..<tiles.tileCount).map { tiles[$0] }
    }

    /// Floats of a panel of `rowCount` rows: the logits `[P, V']` of `modelCount` models, and a share `[P, D]` of the hidden
    /// rows' gradient for each task.
    static func panelFloatCount(rowCount: Int, columnCount: Int, width: Int, modelCount: Int) -> Int {
        let padded = columnCount + columnCount * panelRowPadding / panelTileLimit
        return rowCount * (padded * modelCount + panelGroupCount * width)
    }

    /// For every row of `hidden[P, D]`: the sums over `range` of the vocabulary, and the sums of each request's
    /// distributions. The logits of all models stay, capped, for `accumulatePanel` and `backwardPanel`.
    ///
    /// - Parameters:
    ///   - bias: `[1, V']`, added to the logits before the cap.
    ///   - targets: rows are counted from the panel's first row.
    ///   - references: heads with the hidden rows of this panel.
    public func forwardPanel(
        _ hidden: Matrix, weight: Matrix, bias: Matrix? = nil, range: Range<Int>, targets: HeadTargets,
        references: [ReferenceHead] = [], requests: [DistributionRequest] = []
    ) -> (statistics: PartialRowStatistics, distributions: [PartialDistributionStatistics]) {
        let rowCount = hidden.rowCount
        let plan = DistributionPlan(requests, among: references, range: range, rowCount: rowCount)
        let tiles = panelTiles(rowCount: rowCount, range: range, references: plan.references)
        let parts = Shared(tiles.groups.count) { _ in
            PartialRowStatistics(rowCount: rowCount, targetCount: targets.count)
        }
        let distributions = tiles.groups.map { _ in plan.entries.map { DistributionAccumulator($0, rowCount: rowCount) } }
        workers.run(tiles.groups.count) { group, thread in
            parts[group].withUnsafeAccess { access in
                for tile in tiles.groups[group].map({ tiles[$0] }) {
                    self.layer(tile.columns, weight: weight.rows(tile.columns), bias: bias)
                        .forward(hidden, into: tile.policy)
                    self.scratch[thread].multiply(plan.references, columns: tile.columns, into: tile.references)
                    for row in tile.rows {
                        tile.add(row, targets: targets, to: access)
                        for (entry, sums) in zip(plan.entries, distributions[group]) { tile.add(row, of: entry, to: sums) }
                    }
                }
            }
        }
        let statistics = PartialRowStatistics.merged(parts.values, rowCount: rowCount, targetCount: targets.count)
        return (
            statistics,
            plan.entries.enumerated().map { index, entry in
                .merged(
                    distributions.map { $0[index].statistics },
                    empty: DistributionAccumulator(entry, rowCount: rowCount).statistics)
            }
        )
    }

    /// As `accumulate`, for the panel of the last `forwardPanel`: the logits are kept, not computed again.
    ///
    /// - Parameter rows: for each request `[P]`, from `PartialDistributionStatistics.combined`.
    public func accumulatePanel(
        rowCount: Int, range: Range<Int>, references: [ReferenceHead], requests: [DistributionRequest],
        rows: [[DistributionRow]]
    ) -> [[Double]] {
        let plan = DistributionPlan(requests, among: references, range: range, rowCount: rowCount)
        let tiles = panelTiles(rowCount: rowCount, range: range, references: plan.references)
        return plan.entries.enumerated().map { index, entry in
            guard entry.loss.sumCount > 0 else { return [] }
            let parts = tiles.groups.map { _ in RowSums(rowCount: rowCount, sumCount: entry.loss.sumCount) }
            workers.run(tiles.groups.count) { group, _ in
                for tile in tiles.groups[group].map({ tiles[$0] }) {
                    for row in tile.rows { tile.accumulate(row, of: entry, statistics: rows[index][row], into: parts[group]) }
                }
            }
            var sums = [Double](repeating: 0, count: rowCount * entry.loss.sumCount)
            for part in parts {
                for (position, value) in part.values.enumerated() { sums[position] += value }
            }
            return sums
        }
    }

    /// This rank's partial gradients of the panel of the last `forwardPanel`.
    ///
    /// - Parameters:
    ///   - logSumExp: `[P]`, over the whole vocabulary.
    ///   - gradients: one for each of `targets`.
    ///   - hiddenGradient: `[P, D]`, overwritten.
    ///   - weightGradient: `[V', D]`, added to.
    ///   - biasGradient: `[1, V']`, added to.
    ///   - references: the references given to `forwardPanel`.
    ///   - distributions: the requests given to `forwardPanel`, with the rows and weights of their losses.
    public func backwardPanel(
        _ hidden: Matrix, weight: Matrix, range: Range<Int>, targets: HeadTargets, logSumExp: [Double],
        gradients: [Float], hiddenGradient: Matrix, weightGradient: Matrix, biasGradient: Matrix? = nil,
        references: [ReferenceHead] = [], distributions: [DistributionGradient] = []
    ) {
        let (rowCount, width) = (hidden.rowCount, hidden.columnCount)
        let plan = DistributionPlan(distributions.map(\.request), among: references, range: range, rowCount: rowCount)
        let tiles = panelTiles(rowCount: rowCount, range: range, references: plan.references)
        let shares = panelShares.matrix(rowCount: tiles.groups.count * rowCount, columnCount: width)
        workers.run(tiles.groups.count) { group, thread in
            let share = shares.rows((group * rowCount)..<((group + 1) * rowCount))
            for index in tiles.groups[group] {
                let tile = tiles[index]
                tile.logitGradients(
                    targets: targets, logSumExp: logSumExp, gradients: gradients, plan: plan,
                    distributions: distributions, scratch: self.scratch[thread])
                MatrixProduct.multiply(
                    tile.policy, weight.rows(tile.columns), into: share,
                    beta: index == tiles.groups[group].lowerBound ? 0 : 1)
                MatrixProduct.multiply(
                    tile.policy, hidden, transposeFirst: true, into: weightGradient.rows(tile.columns), beta: 1)
                if let biasGradient { Linear.backwardBias(tile.policy, into: biasGradient.columns(tile.columns)) }
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

    private func panelTiles(rowCount: Int, range: Range<Int>, references: [ReferenceHead]) -> PanelTiles {
        for scratch in scratch { scratch.reserve(referenceCount: references.count) }
        while panelLogits.count < 1 + references.count { panelLogits.append(ScratchMatrix()) }
        return PanelTiles(
            rowCount: rowCount, range: range, cap: logitCap, referenceColumns: references.map(\.weight.rowCount),
            logits: panelLogits)
    }
}

/// A panel's logits, one vocabulary tile after the other, and the groups of tiles that are tasks.
private struct PanelTiles {
    private let rowCount: Int
    private let firstToken: Int
    private let columns: Tiles
    /// The cap of the policy's logits.
    private let cap: LogitCap?
    /// The policy's logits, then the logits of each reference.
    private let logits: [Matrix]
    /// Number of vocabulary rows of the range that each reference has.
    private let referenceColumns: [Int]
    let groups: [Range<Int>]

    init(
        rowCount: Int, range: Range<Int>, cap: LogitCap?, referenceColumns: [Int], logits scratch: [ScratchMatrix]
    ) {
        self.rowCount = rowCount
        self.cap = cap
        self.referenceColumns = referenceColumns
        firstToken = range.lowerBound
        let columns = Tiles(range.count, limit: Head.panelTileLimit)
        self.columns = columns
        logits = scratch.prefix(1 + referenceColumns.count).map {
            $0.matrix(rowCount: columns.tileCount * rowCount, columnCount: Head.panelTileLimit + Head.panelRowPadding)
        }
        let (count, perGroup) = (columns.tileCount, (columns.tileCount + Head.panelGroupCount - 1) / Head.panelGroupCount)
        groups = stride(from: 0, to: count, by: max(perGroup, 1)).map { $0..<min($0 + perGroup, count) }
    }

    subscript(index: Int) -> HeadTile {
        let (own, rows) = (columns[index], (index * rowCount)..<((index + 1) * rowCount))
        return HeadTile(
            rows: 0..<rowCount, columns: own, firstToken: firstToken + own.lowerBound,
            policy: logits[0].rows(rows).columns(0..<own.count), cap: cap,
            references: referenceColumns.indices.map {
                logits[1 + $0].rows(rows).columns(0..<own.clamped(to: 0..<referenceColumns[$0]).count)
            })
    }
}

/// One value per task. Each task changes only its own value.
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
