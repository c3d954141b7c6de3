import Tensors

/// Weights of a linear layer: floats in memory, or values in a file's own type that are upcast before use.
public enum WeightView: Sendable {
    case floats(Matrix)
    case stored(StoredMatrix)

    public var rowCount: Int {
        switch self {
        case .floats(let matrix): matrix.rowCount
        case .stored(let matrix): matrix.rowCount
        }
    }

    public var columnCount: Int {
        switch self {
        case .floats(let matrix): matrix.columnCount
        case .stored(let matrix): matrix.columnCount
        }
    }

    public func rows(_ range: Range<Int>) -> WeightView {
        switch self {
        case .floats(let matrix): .floats(matrix.rows(range))
        case .stored(let matrix): .stored(matrix.rows(range))
        }
    }

    /// The weights as floats: a view if they are floats already, otherwise upcast into `scratch`.
    ///
    /// Values and matrix calls are the same in both cases. So a frozen model in the file's type and a trainable model that
    /// was upcast at loading give the same bits.
    public func floats(using scratch: ScratchMatrix, workers: Workers) -> Matrix {
        switch self {
        case .floats(let matrix): return matrix
        case .stored(let stored):
            if let matrix = stored.asFloats { return matrix }
            let matrix = scratch.matrix(rowCount: stored.rowCount, columnCount: stored.columnCount)
            let tiles = Tiles(stored.rowCount, limit: 64)
            workers.run(tiles.tileCount) { tile, _ in
                stored.rows(tiles[tile]).upcast(into: matrix.rows(tiles[tile]))
            }
            return matrix
        }
    }

    /// As `floats(using:workers:)`, on the calling thread alone: for use inside a task.
    func floats(using scratch: ScratchMatrix) -> Matrix {
        switch self {
        case .floats(let matrix): return matrix
        case .stored(let stored):
            if let matrix = stored.asFloats { return matrix }
            let matrix = scratch.matrix(rowCount: stored.rowCount, columnCount: stored.columnCount)
            stored.upcast(into: matrix)
            return matrix
        }
    }
}
