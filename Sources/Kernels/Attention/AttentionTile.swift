import Tensors

// J query heads a group, E head dimension, R stacked rows of a piece, L keys of a tile.

/// A tile of keys beside a piece of queries, and the products of the two.
///
/// A row of scores holds zeros behind its last visible key as far as any product reads it, so no product needs a mask;
/// what no query of a register tile sees is left out.
struct AttentionTile {
    /// The tile's first key among all packed keys, a multiple of 16.
    let packedRow: Int
    /// The same among the gradients of its task's keys.
    let gradientRow: Int
    /// L.
    let keyCount: Int
    /// Keys of the tile that the piece's first token sees, below 1 if none, above L if more; the next token sees one more.
    /// Keys of a prefix are seen by all.
    let firstVisible: Int
    let headsPerGroup: Int
    /// The piece's first tile, whose products begin the sums over tiles; every query sees a key of it.
    let isFirst: Bool
    /// Stacked rows of the piece.
    let rowCount: Int

    private static let stride = AttentionSizes.scoreStride

    /// The first stacked row that sees key `key` of the tile.
    @inline(__always)
    func firstRow(seeing key: Int) -> Int { max(0, key &- firstVisible &+ 1) &* headsPerGroup }

    /// Keys of the tile that each row sees.
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

    /// `scores[R, L] = rows[R, E] · keys[L, E]ᵀ`, where any query of a register tile sees any key of a panel.
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

    /// `result[R, E] += weights[R, L] · rows[L, E]`, without the sums so far for a piece's first tile.
    func add(
        _ weights: UnsafeMutablePointer<Float>, times rows: Panels, to result: Panels, visible: UnsafeMutablePointer<Int32>
    ) {
        for panel in 0..<rows.count {
            let vectors = rows.row(packedRow, panel: panel)
            var row = 0
            while row < rowCount {
                // The last row sees most.
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
