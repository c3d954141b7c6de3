import Settings
import Tensors

// T tokens, S segments of a row, E columns of a segment, W weights: E if all segments share them, otherwise S·E.

/// The norm of a `NormConfiguration`, over whole rows or over segments of rows.
///
/// A row is S segments of E columns. Each segment is normalised apart, as the heads of queries and keys are.
public struct Normalization: Sendable {
    static let rowLimit = 64

    public let configuration: NormConfiguration
    let segmentCount: Int
    private let sharesWeight: Bool
    let loops: NormRow

    /// - Parameter sharesWeight: whether weight and bias are `[1, E]`, the same for all segments; otherwise they are
    ///   `[1, S·E]`.
    public init(_ configuration: NormConfiguration, segmentCount: Int = 1, sharesWeight: Bool = true) {
        invariant(segmentCount > 0, "a row has segments")
        invariant(configuration.kind == .layer || !configuration.hasBias, "only layer norms have a bias")
        self.configuration = configuration
        self.segmentCount = segmentCount
        self.sharesWeight = sharesWeight
        loops = NormRow(configuration: configuration)
    }

    /// Floats that a row's statistics take: an inverse root for each segment; a layer norm stores mean and inverse deviation.
    public var statisticsPerRow: Int {
        switch configuration.kind {
        case .rootMeanSquare: segmentCount
        case .layer: 2 * segmentCount
        }
    }

    /// Columns W of weight and bias, for rows of `width` columns.
    public func weightCount(width: Int) -> Int { sharesWeight ? width / segmentCount : width }

    /// Normalises `input[T, S·E]` into `output[T, S·E]`, and stores `statistics[T, statisticsPerRow]`.
    ///
    /// The output may overwrite the input. `weight` and `bias` `[1, W]` are given if the configuration has them.
    public func forward(
        _ input: Matrix, weight: Matrix?, bias: Matrix?, into output: Matrix, statistics: Matrix, workers: Workers
    ) {
        check(input, output, statistics, weight: weight)
        checkBias(bias, of: input)
        let columns = input.columnCount / segmentCount
        let (weight, bias) = (weight?.row(0), bias?.row(0))
        forEachRow(of: input, workers) { row in
            for segment in 0..<segmentCount {
                let x = input.row(row) + segment * columns
                let values = loops.statistics(x, count: columns)
                store(values, segment, in: statistics.row(row))
                let shift = weightOffset(segment, columns)
                loops.apply(
                    x, values, weight: weight.map { $0 + shift }, bias: bias.map { $0 + shift },
                    into: output.row(row) + segment * columns, count: columns)
            }
        }
    }

    /// Recomputes the output of `forward` from stored `statistics`: cheaper than keeping the output until backward.
    public func recompute(
        _ input: Matrix, weight: Matrix?, bias: Matrix?, statistics: Matrix, into output: Matrix, workers: Workers
    ) {
        check(input, output, statistics, weight: weight)
        checkBias(bias, of: input)
        let columns = input.columnCount / segmentCount
        let (weight, bias) = (weight?.row(0), bias?.row(0))
        forEachRow(of: input, workers) { row in
            for segment in 0..<segmentCount {
                let shift = weightOffset(segment, columns)
                loops.apply(
                    input.row(row) + segment * columns, values(segment, in: statistics.row(row)),
                    weight: weight.map { $0 + shift }, bias: bias.map { $0 + shift },
                    into: output.row(row) + segment * columns, count: columns)
            }
        }
    }

    /// The gradients of the input `[T, S·E]`, and of weight and bias `[1, W]`. Those of weight and bias are added to
    /// `weightGradient` and `biasGradient`, summed over the rows; nil: nobody needs them.
    ///
    /// - Parameters:
    ///   - inputGradient: may overwrite `outputGradient` or `input` unless it accumulates.
    ///   - accumulate: adds to `inputGradient`, because the residual stream has a gradient of its own. Otherwise replaces it.
    ///   - scratch: memory for the sums of each tile of rows: `[tiles, W]`, or `[tiles, 2·W]` with weight and bias.
    public func backward(
        _ outputGradient: Matrix, input: Matrix, weight: Matrix?, statistics: Matrix, into inputGradient: Matrix,
        accumulate: Bool, weightGradient: Matrix?, biasGradient: Matrix?, scratch: ScratchMatrix, workers: Workers
    ) {
        check(input, inputGradient, statistics, weight: weight)
        let columns = input.columnCount / segmentCount
        let weight = weight?.row(0)
        sumOverTiles(of: input, weightGradient, biasGradient, scratch, workers) { row, weightSums, biasSums in
            for segment in 0..<segmentCount {
                let start = segment * columns
                let shift = weightOffset(segment, columns)
                let (dy, x) = (outputGradient.row(row) + start, input.row(row) + start)
                let values = values(segment, in: statistics.row(row))
                let factors = weight.map { $0 + shift }
                let sums = loops.gradientSums(
                    dy, x, values, weight: factors, weightGradient: weightSums.map { $0 + shift },
                    biasGradient: biasSums.map { $0 + shift }, count: columns)
                loops.gradient(
                    dy, x, values, sums, weight: factors, into: inputGradient.row(row) + start, accumulate: accumulate,
                    count: columns, totalCount: columns)
            }
        }
    }

    // MARK: Rows

    func forEachRow(of input: Matrix, _ workers: Workers, _ body: (_ row: Int) -> Void) {
        let tiles = Tiles(input.rowCount, limit: Normalization.rowLimit)
        workers.run(tiles.tileCount) { tile, _ in
            for row in tiles[tile] { body(row) }
        }
    }

    /// As `forEachRow`. Gives `body` the memory in which the row's tile sums the gradients of weight and bias, and adds the
    /// sums of all tiles in a fixed order.
    func sumOverTiles(
        of input: Matrix, _ weightGradient: Matrix?, _ biasGradient: Matrix?, _ scratch: ScratchMatrix, _ workers: Workers,
        _ body: (_ row: Int, _ weightSums: UnsafeMutablePointer<Float>?, _ biasSums: UnsafeMutablePointer<Float>?) -> Void
    ) {
        let tiles = Tiles(input.rowCount, limit: Normalization.rowLimit)
        let gradients = [weightGradient, biasGradient].compactMap { $0 }
        let width = weightCount(width: input.columnCount)
        invariant(gradients.allSatisfy { $0.columnCount == width }, "a weight's gradient has the weight's shape")
        let partial = scratch.matrix(rowCount: tiles.tileCount, columnCount: gradients.count * width)
        workers.run(tiles.tileCount) { tile, _ in
            let sums = partial.row(tile)
            sums.update(repeating: 0, count: partial.columnCount)
            let weightSums = weightGradient == nil ? nil : sums
            let biasSums = biasGradient == nil ? nil : sums + (gradients.count - 1) * width
            for row in tiles[tile] { body(row, weightSums, biasSums) }
        }
        for tile in 0..<tiles.tileCount {
            for (index, gradient) in gradients.enumerated() {
                Elementwise.add(partial.row(tile) + index * width, to: gradient.row(0), count: width)
            }
        }
    }

    private func weightOffset(_ segment: Int, _ columns: Int) -> Int { sharesWeight ? 0 : segment * columns }

    private func store(_ values: NormRow.Statistics, _ segment: Int, in row: UnsafeMutablePointer<Float>) {
        switch configuration.kind {
        case .rootMeanSquare: row[segment] = values.inverseRoot
        case .layer: (row[2 * segment], row[2 * segment + 1]) = (values.mean, values.inverseRoot)
        }
    }

    private func values(_ segment: Int, in row: UnsafeMutablePointer<Float>) -> NormRow.Statistics {
        switch configuration.kind {
        case .rootMeanSquare: NormRow.Statistics(inverseRoot: row[segment])
        case .layer: NormRow.Statistics(mean: row[2 * segment], inverseRoot: row[2 * segment + 1])
        }
    }

    func check(_ input: Matrix, _ output: Matrix, _ statistics: Matrix, weight: Matrix?) {
        invariant(input.columnCount % segmentCount == 0, "segments of a row have the same width")
        invariant(
            input.rowCount == output.rowCount && input.columnCount == output.columnCount, "a norm keeps its input's shape")
        invariant(
            statistics.rowCount >= input.rowCount && statistics.columnCount == statisticsPerRow, "each row has its statistics")
        invariant((weight != nil) == (configuration.weight != .none), "a norm has a weight if its configuration says so")
        if let weight {
            invariant(weight.columnCount == weightCount(width: input.columnCount), "a norm's weight has the norm's columns")
        }
    }

    private func checkBias(_ bias: Matrix?, of input: Matrix) {
        invariant((bias != nil) == configuration.hasBias, "a norm has a bias if its configuration says so")
        if let bias {
            invariant(bias.columnCount == weightCount(width: input.columnCount), "a norm's bias has the norm's columns")
        }
    }
}
