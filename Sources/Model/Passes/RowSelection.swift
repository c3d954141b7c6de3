import Kernels
import Tensors

// T rows, L chosen rows.

/// The chosen rows of a matrix, ascending.
struct RowSelection: Sendable {
    /// `[L]`
    let positions: [Int]
    /// Whether all of `count` rows are chosen: then no copy is needed.
    let isWhole: Bool

    init(_ positions: [Int], of count: Int) {
        self.positions = positions
        isWhole = positions.count == count
    }

    var count: Int { positions.count }

    /// `target[L, n]` = the chosen rows of `source[T, n]`.
    func gather(_ source: Matrix, into target: Matrix, workers: Workers) {
        forEach(workers) { row, position in target.row(row).update(from: source.row(position), count: source.columnCount) }
    }

    /// Writes `source[L, n]` to the chosen rows of `target[T, n]`; other rows stay.
    func scatter(_ source: Matrix, into target: Matrix, workers: Workers) {
        forEach(workers) { row, position in target.row(position).update(from: source.row(row), count: source.columnCount) }
    }

    /// Adds `source[L, n]` to the chosen rows of `target[T, n]`.
    func add(_ source: Matrix, to target: Matrix, workers: Workers) {
        forEach(workers) { row, position in
            Elementwise.add(source.row(row), to: target.row(position), count: source.columnCount)
        }
    }

    private func forEach(_ workers: Workers, _ body: (_ row: Int, _ position: Int) -> Void) {
        let tiles = Tiles(positions.count, limit: 256)
        workers.run(tiles.tileCount) { tile, _ in
            for row in tiles[tile] { body(row, positions[row]) }
        }
    }
}
