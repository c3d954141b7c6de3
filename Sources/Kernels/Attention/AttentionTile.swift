import Tensors

// J query heads a group, E head dimension, R stacked rows of a piece, L keys of a tile.

/// A tile of keys and a piece of queries, with their products.
///
/// Before its first visible key and behind its last one a row of scores holds zeros, as far as any product reads it, so no
/// product needs a mask. Products skip keys that no query of a register tile sees.
struct AttentionTile {
    /// The tile's first key among all packed keys, a multiple of 16.
    let packedRow: Int
    /// The tile's first key among the key gradients of its task.
    let gradientRow: Int
    /// L.
    let keyCount: Int
    /// How many of the tile's keys the piece's first token sees. Below 1 it sees none, above L it sees all. Each following
    /// token sees one more.
    let firstVisible: Int
    /// How many of the tile's first keys lie in front of the window of the piece's first token. Below 0 the window begins
    /// before the tile. Each following token's window begins one key later. Nil: all windows begin before the tile.
    let firstHidden: Int?
    let headsPerGroup: Int
    /// Whether this tile's products start the sums over tiles: the piece's first tile, of which every query sees at least one
    /// key.
    let isFirst: Bool
    /// Stacked rows of the piece.
    let rowCount: Int

    private static let stride = AttentionSizes.scoreStride

    /// The first stacked row that sees key `key` of the tile.
    @inline(__always)
    func firstRow(seeing key: Int) -> Int { max(0, key &- firstVisible &+ 1) &* headsPerGroup }

    /// The end of the stacked rows whose windows begin at key `key` of the tile or before it.
    @inline(__always)
    func endRow(seeing key: Int) -> Int {
        guard let firstHidden else { return rowCount }
        return min(rowCount, max(0, key &- firstHidden &+ 1) &* headsPerGroup)
    }

    /// Writes the number of the tile's keys up to the last that each row sees, and of those before the first.
    func countKeys(_ scratch: AttentionScratch) {
        count(from: firstVisible, into: scratch.visible)
        if let firstHidden { count(from: firstHidden, into: scratch.hidden) }
    }

    /// A token's number is one more than that of the token before it, within 0 to L.
    private func count(from first: Int, into counts: UnsafeMutablePointer<Int32>) {
        var row = 0
        var count = first
        while row < rowCount {
            let seen = Int32(truncatingIfNeeded: max(0, min(count, keyCount)))
            for head in 0..<headsPerGroup { counts[row &+ head] = seen }
            row &+= headsPerGroup
            count &+= 1
        }
    }

    /// Caps the scores that `multiply` made.
    func cap(_ scratch: AttentionScratch, by cap: ScoreCap, slopes: UnsafeMutablePointer<Float>? = nil) {
        for row in 0..<rowCount {
            let (hidden, visible) = (firstHidden == nil ? 0 : Int(scratch.hidden[row]), Int(scratch.visible[row]))
            guard hidden < visible else { continue }
            let start = hidden & ~7
            let offset = row &* AttentionTile.stride &+ start
            cap.apply(to: scratch.scores + offset, count: visible &- start, slopes: slopes.map { $0 + offset })
        }
    }

    /// `scores[R, L] = rows[R, E] · keys[L, E]ᵀ`, except where no query of a register tile sees a key of a panel.
    func multiply(_ rows: Panels, byTransposed keys: TransposedPanels, into scores: UnsafeMutablePointer<Float>) {
        for key in Swift.stride(from: 0, to: keyCount, by: Panels.width) {
            let keyPanel = keys.panel(fromRow: packedRow &+ key)
            var row = firstRow(seeing: key) / RegisterTile.rowCount &* RegisterTile.rowCount
            let end = endRow(seeing: key &+ Panels.width &- 1)
            while row < end {
                var tile = RegisterTile()
                var vectors = keyPanel
                var column = 0
                repeat {
                    let count = min(Panels.width, rows.columnCount &- column)
                    tile.addProducts(
                        rows.row(row, panel: column / Panels.width), stride: Panels.width, step: 1, vectors, count: count)
                    vectors += count &* Panels.width
                    column &+= Panels.width
                } while column < rows.columnCount
                tile.store(scores + (row &* AttentionTile.stride &+ key), stride: AttentionTile.stride)
                row &+= RegisterTile.rowCount
            }
        }
    }

    /// `result[R, E] += weights[R, L] · rows[L, E]`; `=` instead of `+=` for a piece's first tile.
    func add(
        _ weights: UnsafeMutablePointer<Float>, times rows: Panels, to result: Panels, _ scratch: AttentionScratch
    ) {
        let visible = scratch.visible
        for panel in 0..<rows.count {
            let vectors = rows.row(packedRow, panel: panel)
            var row = 0
            while row < rowCount {
                // The first row's window begins first, and the last row sees the last keys.
                let start = firstHidden == nil ? 0 : Int(scratch.hidden[row])
                let count = Int(visible[min(row &+ RegisterTile.rowCount, rowCount) &- 1]) &- start
                if count > 0 {
                    let target = result.row(row, panel: panel)
                    var tile = isFirst ? RegisterTile() : RegisterTile(loading: target)
                    tile.addProducts(
                        weights + (row &* AttentionTile.stride &+ start), stride: AttentionTile.stride, step: 1,
                        vectors + start &* Panels.width, count: count)
                    tile.store(target)
                }
                row &+= RegisterTile.rowCount
            }
        }
    }

    /// `result[L, E] += weights[R, L]ᵀ · rows[R, E]`
    func addTransposed(_ weights: UnsafeMutablePointer<Float>, times rows: Panels, to result: Panels) {
        for panel in 0..<rows.count {
            var key = 0
            while key < keyCount {
                let first = firstRow(seeing: key)
                let end = endRow(seeing: min(key &+ RegisterTile.rowCount, keyCount) &- 1)
                if first < end {
                    let target = result.row(gradientRow &+ key, panel: panel)
                    var tile = RegisterTile(loading: target)
                    tile.addProducts(
                        weights + (first &* AttentionTile.stride &+ key), stride: 1, step: AttentionTile.stride,
                        rows.row(first, panel: panel), count: end &- first)
                    tile.store(target)
                }
                key &+= RegisterTile.rowCount
            }
        }
    }
}
