import Settings
import Tensors

// T tokens, D model width, V' vocabulary rows on this rank.

/// Token embedding over this rank's range of the vocabulary. An all-reduce over the tensor ranks completes it.
public enum Embedding {
    /// `output[T, D]` = the table's row of each token inside `range`, zeros for other tokens. `table[V', D]` starts at
    /// `range.lowerBound`.
    public static func forward(
        _ tokens: [Int32], table: WeightView, range: Range<Int>, into output: Matrix, workers: Workers
    ) {
        invariant(table.rowCount == range.count, "a table has the rows of its range")
        let tiles = Tiles(tokens.count, limit: 128)
        workers.run(tiles.tileCount) { tile, _ in
            for index in tiles[tile] {
                let token = Int(tokens[index])
                let target = output.rows(index..<(index + 1))
                guard range.contains(token) else {
                    target.fill(0)
                    continue
                }
                let row = token - range.lowerBound
                switch table {
                case .floats(let matrix): target.copy(from: matrix.rows(row..<(row + 1)))
                case .stored(let matrix): matrix.rows(row..<(row + 1)).upcast(into: target)
                }
            }
        }
    }

    /// `tableGradient[V', D] += ` the gradient of each token inside `range`, in the order of the axis. Each task adds a panel
    /// of columns.
    public static func backward(
        _ outputGradient: Matrix, tokens: [Int32], range: Range<Int>, into tableGradient: Matrix, workers: Workers
    ) {
        let tiles = Tiles(outputGradient.columnCount, limit: 128)
        workers.run(tiles.tileCount) { tile, _ in
            let columns = tiles[tile]
            for index in 0..<tokens.count {
                let token = Int(tokens[index])
                guard range.contains(token) else { continue }
                Elementwise.add(
                    outputGradient.row(index) + columns.lowerBound,
                    to: tableGradient.row(token - range.lowerBound) + columns.lowerBound, count: columns.count)
            }
        }
    }
}
