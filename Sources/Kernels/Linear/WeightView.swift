import Tensors

/// Weights as a linear layer meets them: floats in memory, or a file's own type that is widened before use.
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

    /// The weights as floats: a view where they are floats already, else widened into `scratch`.
    ///
    /// The values and all later matrix calls are the same either way, so a frozen model in the file's type and a
    /// trainable one widened at loading give the same bits.
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

    /// The same by the calling thread alone, for a task.
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
