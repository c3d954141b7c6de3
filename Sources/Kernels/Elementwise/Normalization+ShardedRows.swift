import Settings
import Tensors

// T tokens, C columns of a row on this rank.

/// Root-mean-square norms of rows whose columns are spread over ranks, as one norm over all heads of a token is (OLMo 2).
/// Forward and backward are two steps each, and an all-reduce between them adds the sums of all ranks.
extension Normalization {
    /// `sums[T, 1] = Σ x²` over this rank's columns of `input[T, C]`.
    public static func sumOfSquares(_ input: Matrix, into sums: Matrix, workers: Workers) {
        let tiles = Tiles(input.rowCount, limit: rowLimit)
        workers.run(tiles.tileCount) { tile, _ in
            for row in tiles[tile] {
                sums.row(row)[0] = NormRow.sumOfSquares(input.row(row), count: input.columnCount)
            }
        }
    }

    /// As `forward`, from Σ x² over all `totalWidth` columns. `weight` is `[1, C]`, and `statistics` is `[T, 1]`.
    ///
    /// `recompute` works from the same statistics.
    public func forward(
        _ input: Matrix, weight: Matrix?, sums: Matrix, totalWidth: Int, into output: Matrix, statistics: Matrix,
        workers: Workers
    ) {
        checkWholeRows()
        check(input, output, statistics, weight: weight)
        let weight = weight?.row(0)
        forEachRow(of: input, workers) { row in
            let values = loops.statistics(sumOfSquares: sums.row(row)[0], count: totalWidth)
            statistics.row(row)[0] = values.inverseRoot
            loops.apply(
                input.row(row), values, weight: weight, bias: nil, into: output.row(row), count: input.columnCount)
        }
    }

    /// `sums[T, 1] = Σ g·x` over this rank's columns, with g = dy times the factor of the column. Adds the gradient of this
    /// rank's weight to `weightGradient[1, C]`.
    ///
    /// - Parameter scratch: memory for the sums of each tile of rows, `[tiles, C]`.
    public func sumOfProducts(
        _ outputGradient: Matrix, input: Matrix, weight: Matrix?, statistics: Matrix, into sums: Matrix,
        weightGradient: Matrix?, scratch: ScratchMatrix, workers: Workers
    ) {
        checkWholeRows()
        check(input, outputGradient, statistics, weight: weight)
        let weight = weight?.row(0)
        sumOverTiles(of: input, weightGradient, nil, scratch, workers) { row, weightSums, _ in
            sums.row(row)[0] =
                loops.gradientSums(
                    outputGradient.row(row), input.row(row), NormRow.Statistics(inverseRoot: statistics.row(row)[0]),
                    weight: weight, weightGradient: weightSums, biasGradient: nil, count: input.columnCount
                ).product
        }
    }

    /// The gradient of the input, from Σ g·x over all `totalWidth` columns. `inputGradient` may overwrite `outputGradient` or
    /// `input` unless it accumulates.
    public func backward(
        _ outputGradient: Matrix, input: Matrix, weight: Matrix?, statistics: Matrix, sums: Matrix, totalWidth: Int,
        into inputGradient: Matrix, accumulate: Bool, workers: Workers
    ) {
        checkWholeRows()
        check(input, inputGradient, statistics, weight: weight)
        let weight = weight?.row(0)
        forEachRow(of: input, workers) { row in
            loops.gradient(
                outputGradient.row(row), input.row(row), NormRow.Statistics(inverseRoot: statistics.row(row)[0]),
                NormRow.GradientSums(product: sums.row(row)[0]), weight: weight, into: inputGradient.row(row),
                accumulate: accumulate, count: input.columnCount, totalCount: totalWidth)
        }
    }

    private func checkWholeRows() {
        invariant(
            configuration.kind == .rootMeanSquare && segmentCount == 1, "only a root mean square of whole rows is sharded")
    }
}
