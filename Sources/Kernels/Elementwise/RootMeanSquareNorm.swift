import Tensors

// T tokens, D model width.

/// Root-mean-square normalisation (Zhang, Sennrich, arXiv:1910.07467): y = w · x / sqrt(mean(x²) + ε).
public enum RootMeanSquareNorm {
    private static let rowLimit = 64

    /// Writes `output[T, D] = weight[1, D] · input[T, D] · inverseRoot[T, 1]`
    /// and `inverseRoot = (mean(x²) + epsilon)^(-1/2)`.
    public static func forward(
        _ input: Matrix, weight: Matrix, epsilon: Double, into output: Matrix, inverseRoot: Matrix, workers: Workers
    ) {
        let tiles = Tiles(input.rowCount, limit: rowLimit)
        let width = input.columnCount
        workers.run(tiles.tileCount) { tile, _ in
            for row in tiles[tile] {
                let x = input.row(row)
                let scale = Float(1 / (Double(dot(x, x, count: width)) / Double(width) + epsilon).squareRoot())
                inverseRoot.row(row)[0] = scale
                apply(x, weight: weight.row(0), scale: scale, into: output.row(row), count: width)
            }
        }
    }

    /// Recomputes the output of `forward` from a stored `inverseRoot`: cheaper than keeping the output until backward.
    public static func recompute(
        _ input: Matrix, weight: Matrix, inverseRoot: Matrix, into output: Matrix, workers: Workers
    ) {
        let tiles = Tiles(input.rowCount, limit: rowLimit)
        workers.run(tiles.tileCount) { tile, _ in
            for row in tiles[tile] {
                apply(
                    input.row(row), weight: weight.row(0), scale: inverseRoot.row(row)[0], into: output.row(row),
                    count: input.columnCount)
            }
        }
    }

    /// With g = w·dy and r = `inverseRoot`: `inputGradient += r·g − x·r³·mean(g·x)`, `weightGradient += Σ_T dy·x·r`.
    ///
    /// `inputGradient` already holds the residual stream's own gradient, so backward adds to it.
    ///
    /// - Parameter scratch: memory for the sums of each tile of rows, `[tiles, D]`.
    public static func backward(
        _ outputGradient: Matrix, input: Matrix, weight: Matrix, inverseRoot: Matrix,
        addingTo inputGradient: Matrix, weightGradient: Matrix, scratch: ScratchMatrix, workers: Workers
    ) {
        let width = input.columnCount
        let tiles = Tiles(input.rowCount, limit: rowLimit)
        let partial = scratch.matrix(rowCount: tiles.tileCount, columnCount: width)
        workers.run(tiles.tileCount) { tile, _ in
            partial.row(tile).update(repeating: 0, count: width)
            for row in tiles[tile] {
                backwardRow(
                    outputGradient.row(row), input: input.row(row), weight: weight.row(0), scale: inverseRoot.row(row)[0],
                    addingTo: inputGradient.row(row), weightGradient: partial.row(tile), count: width)
            }
        }
        for tile in 0..<tiles.tileCount {
            Elementwise.add(partial.row(tile), to: weightGradient.row(0), count: width)
        }
    }

    @inline(__always)
    private static func apply(
        _ x: UnsafeMutablePointer<Float>, weight: UnsafeMutablePointer<Float>, scale: Float,
        into output: UnsafeMutablePointer<Float>, count: Int
    ) {
        var index = 0
        while index + 8 <= count {
            output.store8(x.load8(index) * scale * weight.load8(index), index)
            index += 8
        }
        while index < count {
            output[index] = x[index] * scale * weight[index]
            index += 1
        }
    }

    private static func backwardRow(
        _ dy: UnsafeMutablePointer<Float>, input x: UnsafeMutablePointer<Float>, weight: UnsafeMutablePointer<Float>,
        scale: Float, addingTo dx: UnsafeMutablePointer<Float>, weightGradient dw: UnsafeMutablePointer<Float>, count: Int
    ) {
        var sums = Float8.zero
        var index = 0
        while index + 8 <= count {
            sums = sums.addingProduct(dy.load8(index) * weight.load8(index), x.load8(index))
            index += 8
        }
        var total = sums.laneSum
        while index < count {
            total += dy[index] * weight[index] * x[index]
            index += 1
        }
        let pull = -scale * scale * scale * total / Float(count)
        index = 0
        while index + 8 <= count {
            let gradient = dy.load8(index)
            let value = x.load8(index)
            dx.store8(dx.load8(index) + gradient * weight.load8(index) * scale + value * pull, index)
            dw.store8(dw.load8(index).addingProduct(gradient * scale, value), index)
            index += 8
        }
        while index < count {
            dx[index] += dy[index] * weight[index] * scale + x[index] * pull
            dw[index] += dy[index] * scale * x[index]
            index += 1
        }
    }

    @inline(__always)
    private static func dot(_ a: UnsafeMutablePointer<Float>, _ b: UnsafeMutablePointer<Float>, count: Int) -> Float {
        var first = Float8.zero
        var second = Float8.zero
        var index = 0
        while index + 16 <= count {
            first = first.addingProduct(a.load8(index), b.load8(index))
            second = second.addingProduct(a.load8(index + 8), b.load8(index + 8))
            index += 16
        }
        var total = (first + second).laneSum
        while index < count {
            total += a[index] * b[index]
            index += 1
        }
        return total
    }
}
