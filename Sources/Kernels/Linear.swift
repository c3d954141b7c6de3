import Tensors

// T tokens, K input features, N output features.

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
                stored.rows(tiles[tile]).widen(into: matrix.rows(tiles[tile]))
            }
            return matrix
        }
    }
}

/// Reused memory for one matrix at a time, growing to the largest asked for. What it returns is overwritten by the next call.
public final class ScratchMatrix: @unchecked Sendable {
    private var storage = Storage(floatCount: 0)

    public init() {}

    public func matrix(rowCount: Int, columnCount: Int) -> Matrix {
        if rowCount * columnCount * MemoryLayout<Float>.stride > storage.byteCount {
            storage = Storage(floatCount: rowCount * columnCount)
        }
        return Matrix(storage: storage, offset: 0, rowCount: rowCount, columnCount: columnCount)
    }

    public var byteCount: Int { storage.byteCount }
}

/// A linear layer y = x·Wᵀ (+ bias), and its gradients. One call plan: row tiles of at most `rowLimit` tokens,
/// each one single-threaded product; the plan depends on shapes alone.
public enum Linear {
    static let rowLimit = 256
    /// Fewer tokens than this (decoding) are one tile, whose outputs are cut instead, so that all threads have work.
    static let narrowLimit = 64
    static let narrowColumnLimit = 256

    /// `output[T, N] = input[T, K] · weight[N, K]ᵀ + bias[1, N]`
    public static func forward(
        _ input: Matrix, weight: Matrix, bias: Matrix? = nil, into output: Matrix, workers: Workers
    ) {
        let isNarrow = input.rowCount < narrowLimit
        let rowTiles = Tiles(input.rowCount, limit: rowLimit)
        let columnTiles = Tiles(output.columnCount, limit: isNarrow ? narrowColumnLimit : max(output.columnCount, 1).roundedUp(to: 16))
        workers.run(rowTiles.tileCount * columnTiles.tileCount) { task, _ in
            let (rows, columns) = (rowTiles[task / columnTiles.tileCount], columnTiles[task % columnTiles.tileCount])
            let tile = output.rows(rows).columns(columns)
            MatrixProduct.multiply(input.rows(rows), weight.rows(columns), transposeSecond: true, into: tile)
            if let bias { addRow(bias.columns(columns), to: tile) }
        }
    }

    /// `gradient[T, K] = outputGradient[T, N] · weight[N, K]`, added to what is there with `accumulate`.
    public static func backwardInput(
        _ outputGradient: Matrix, weight: Matrix, into gradient: Matrix, accumulate: Bool = false, workers: Workers
    ) {
        let tiles = Tiles(outputGradient.rowCount, limit: rowLimit)
        workers.run(tiles.tileCount) { tile, _ in
            MatrixProduct.multiply(
                outputGradient.rows(tiles[tile]), weight, into: gradient.rows(tiles[tile]), beta: accumulate ? 1 : 0)
        }
    }

    /// `gradient[N, K] += outputGradient[T, N]ᵀ · input[T, K]`
    public static func backwardWeight(
        _ outputGradient: Matrix, input: Matrix, into gradient: Matrix, workers: Workers
    ) {
        let tiles = Tiles(gradient.rowCount, limit: rowLimit)
        workers.run(tiles.tileCount) { tile, _ in
            MatrixProduct.multiply(
                outputGradient.columns(tiles[tile]), input, transposeFirst: true, into: gradient.rows(tiles[tile]), beta: 1)
        }
    }

    /// `gradient[1, N] += Σ over tokens of outputGradient[T, N]`
    public static func backwardBias(_ outputGradient: Matrix, into gradient: Matrix) {
        for token in 0..<outputGradient.rowCount { addRow(outputGradient.rows(token..<(token + 1)), to: gradient) }
    }

    /// Adds `row[1, N]` to every row of `matrix`.
    private static func addRow(_ row: Matrix, to matrix: Matrix) {
        for index in 0..<matrix.rowCount {
            Elementwise.add(row.row(0), to: matrix.row(index), count: matrix.columnCount)
        }
    }
}

extension Int {
    fileprivate func roundedUp(to unit: Int) -> Int { (self + unit - 1) / unit * unit }
}
