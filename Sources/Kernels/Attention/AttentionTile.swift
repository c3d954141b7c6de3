import Tensors

// J query heads a group, E head dimension, R stacked rows of a piece, L keys of a tile.

/// A tile of keys and a piece of queries, with their products.
///
/// Behind its last visible key a row of scores holds zeros, as far as any product reads it, so no product needs a mask.
/// Products skip keys that no query of a register tile sees.
struct AttentionTile {
    /// The tile's first key among all packed keys, a multiple of 16.
    let packedRow: Int
    /// The tile's first key among the key gradients of its task.
    let gradientRow: Int
    /// L.
    let keyCount: Int
    /// How many of the tile's keys the piece's first token sees. Below 1 it sees none, above L it sees all. Each following
    /// token sees one more. All tokens see all keys of a prefix.
    let firstVisible: Int
    let headsPerGroup: Int
    /// Whether this is the piece's first tile: its products start the sums over tiles. Every query sees at least one of its
    /// keys.
    let isFirst: Bool
    /// Stacked rows of the piece.
    let rowCount: Int

    private static let stride = AttentionSizes.scoreStride

    /// The first stacked row that sees key `key` of the tile.
    @inline(__always)
    func firstRow(seeing key: Int) -> Int { max(0, key &- firstVisible &+ 1) &* headsPerGroup }

    /// Writes the number of the tile's keys that each row sees.
    func countVisible(into visible: UnsafeMutablePointer<Int32>) {
        var row = 0
        var count = firstVisible
        while row < rowCount {
            let seen = Int32(truncatingIfNeeded: max(0, min(count, keyCount)))
            for head in 0..<headsPerGroup { visible[row &+ head] = seen }
            row &+= headsPerGroup
            count &+= 1
        }
    }

    /// `scores[R, L] = rows[R, E] · keys[L, E]ᵀ`, except where no query of a register tile sees a key of a panel.
    func multiply(_ rows: Panels, byTransposed keys: TransposedPanels, into scores: UnsafeMutablePointer<Float>) {
        for key in Swift.stride(from: 0, to: keyCount, by: Panels.width) {
            let keyPanel = keys.panel(fromRow: packedRow &+ key)
            var row = firstRow(seeing: key) / RegisterTile.rowCount &* RegisterTile.rowCount
            while row < rowCount {
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
        _ weights: UnsafeMutablePointer<Float>, times rows: Panels, to result: Panels, visible: UnsafeMutablePointer<Int32>
    ) {
        for panel in 0..<rows.count {
            let vectors = rows.row(packedRow, panel: panel)
            var row = 0
            while row < rowCount {
                // The last row sees the most keys.
                let count = Int(visible[min(row &+ RegisterTile.rowCount, rowCount) &- 1])
                if count > 0 {
                    let target = result.row(row, panel: panel)
                    var tile = isFirst ? RegisterTile() : RegisterTile(loading: target)
                    tile.addProducts(
                        weights + row &* AttentionTile.stride, stride: AttentionTile.stride, step: 1, vectors, count: count)
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
                if first < rowCount {
                    let target = result.row(gradientRow &+ key, panel: panel)
                    var tile = RegisterTile(loading: target)
                    tile.addProducts(
                        weights + (first &* AttentionTile.stride &+ key), stride: 1, step: AttentionTile.stride,
                        rows.row(first, panel: panel), count: rowCount &- first)
                    tile.store(target)
                }
                key &+= RegisterTile.rowCount
            }
        }
    }
}
