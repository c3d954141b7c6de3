import Tensors

// T tokens, K input features, N output features.

/// A linear layer y = x·Wᵀ (+ bias) and its gradients. Layers that share an input run as one batch, so that all threads have
/// work until the end.
///
/// The call plan depends on shapes alone: row tiles of at most `rowLimit` tokens, each one single-threaded product.
public enum Linear {
    static let rowLimit = 512
    /// Below this number of tokens (decoding) the output columns are tiled instead, so that all threads have work.
    static let narrowLimit = 64
    static let narrowColumnLimit = 256
    /// Most rows of a weight gradient that one product computes.
    static let weightRowLimit = 384

    /// One of several layers that share an input.
    public struct Layer: Sendable {
        /// `[N, K]`
        let weight: Matrix
        /// `[1, N]`
        let bias: Matrix?
        /// `[T, N]`
        let output: Matrix

        public init(weight: Matrix, bias: Matrix? = nil, output: Matrix) {
            self.weight = weight
            self.bias = bias
            self.output = output
        }
    }

    /// `output[T, N] = input[T, K] · weight[N, K]ᵀ + bias[1, N]`, for each layer.
    public static func forward(_ input: Matrix, _ layers: [Layer], workers: Workers) {
        let isNarrow = input.rowCount < narrowLimit
        let rowTiles = Tiles(sharing: input.rowCount, limit: rowLimit)
        var batch = ProductBatch()
        for layer in layers {
            let width = layer.output.columnCount
            let columnTiles = Tiles(width, limit: isNarrow ? narrowColumnLimit : max(width, 1).roundedUp(to: 16))
            for task in 0..<(rowTiles.tileCount * columnTiles.tileCount) {
                let (rows, columns) = (rowTiles[task / columnTiles.tileCount], columnTiles[task % columnTiles.tileCount])
                let tile = layer.output.rows(rows).columns(columns)
                batch.add(cost: rows.count * columns.count * input.columnCount) {
                    MatrixProduct.multiply(input.rows(rows), layer.weight.rows(columns), transposeSecond: true, into: tile)
                    if let bias = layer.bias { addRow(bias.columns(columns), to: tile) }
                }
            }
        }
        batch.run(workers)
    }

    public static func forward(
        _ input: Matrix, weight: Matrix, bias: Matrix? = nil, into output: Matrix, workers: Workers
    ) {
        forward(input, [Layer(weight: weight, bias: bias, output: output)], workers: workers)
    }

    /// `gradient[T, K] = Σ over layers of outputGradient[T, N] · weight[N, K]`; `+=` instead of `=` with `accumulate`.
    public static func backwardInput(
        _ layers: [(outputGradient: Matrix, weight: Matrix)], into gradient: Matrix, accumulate: Bool = false,
        workers: Workers
    ) {
        let tiles = Tiles(sharing: gradient.rowCount, limit: rowLimit)
        workers.run(tiles.tileCount) { tile, _ in
            for (index, layer) in layers.enumerated() {
                MatrixProduct.multiply(
                    layer.outputGradient.rows(tiles[tile]), layer.weight, into: gradient.rows(tiles[tile]),
                    beta: accumulate || index > 0 ? 1 : 0)
            }
        }
    }

    public static func backwardInput(
        _ outputGradient: Matrix, weight: Matrix, into gradient: Matrix, accumulate: Bool = false, workers: Workers
    ) {
        backwardInput([(outputGradient, weight)], into: gradient, accumulate: accumulate, workers: workers)
    }

    /// `gradient[N, K] += outputGradient[T, N]ᵀ · input[T, K]`, for each layer.
    public static func backwardWeight(
        _ layers: [(outputGradient: Matrix, input: Matrix, gradient: Matrix)], workers: Workers
    ) {
        var batch = ProductBatch()
        for layer in layers {
            let tiles = Tiles(layer.gradient.rowCount, limit: weightRowLimit)
            for tile in 0..<tiles.tileCount {
                let rows = tiles[tile]
                batch.add(cost: rows.count * layer.input.rowCount * layer.input.columnCount) {
                    MatrixProduct.multiply(
                        layer.outputGradient.columns(rows), layer.input, transposeFirst: true,
                        into: layer.gradient.rows(rows), beta: 1)
                }
            }
        }
        batch.run(workers)
    }

    public static func backwardWeight(
        _ outputGradient: Matrix, input: Matrix, into gradient: Matrix, workers: Workers
    ) {
        backwardWeight([(outputGradient, input, gradient)], workers: workers)
    }

    /// `gradient[1, N] += Σ over tokens of outputGradient[T, N]`
    public static func backwardBias(_ outputGradient: Matrix, into gradient: Matrix) {
        for token in 0..<outputGradient.rowCount { addRow(outputGradient.rows(token..<(token + 1)), to: gradient) }
    }

    /// The same, with columns dealt to threads.
    public static func backwardBias(_ outputGradient: Matrix, into gradient: Matrix, workers: Workers) {
        let tiles = Tiles(outputGradient.columnCount, limit: 256)
        workers.run(tiles.tileCount) { tile, _ in
            backwardBias(outputGradient.columns(tiles[tile]), into: gradient.columns(tiles[tile]))
        }
    }

    /// `output[T, N] += bias[1, N]`, for a bias that is added after an all-reduce.
    public static func addBias(_ bias: Matrix, to output: Matrix, workers: Workers) {
        let tiles = Tiles(output.rowCount, limit: 64)
        workers.run(tiles.tileCount) { tile, _ in addRow(bias, to: output.rows(tiles[tile])) }
    }

    /// Adds `row[1, N]` to every row of `matrix`.
    private static func addRow(_ row: Matrix, to matrix: Matrix) {
        for index in 0..<matrix.rowCount {
            Elementwise.add(row.row(0), to: matrix.row(index), count: matrix.columnCount)
        }
    }
}

/// Independent tasks of different sizes. They run in parallel, the largest first, so that the threads end together.
private struct ProductBatch {
    private var tasks: [(cost: Int, body: @Sendable () -> Void)] = []

    mutating func add(cost: Int, _ body: @escaping @Sendable () -> Void) { tasks.append((cost, body)) }

    func run(_ workers: Workers) {
        let ordered = tasks.sorted { $0.cost > $1.cost }
        workers.run(ordered.count) { task, _ in ordered[task].body() }
    }
}

extension Int {
    fileprivate func roundedUp(to unit: Int) -> Int { (self + unit - 1) / unit * unit }
}
