import Settings
import Tensors

/// Loops over rows of floats, limited by memory bandwidth.
public enum Elementwise {
    /// `target += source`, `count` floats each.
    @inline(__always)
    public static func add(_ source: UnsafeMutablePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int) {
        var index = 0
        while index + 8 <= count {
            target.store8(target.load8(index) + source.load8(index), index)
            index += 8
        }
        while index < count {
            target[index] += source[index]
            index += 1
        }
    }

    /// Sets one contiguous block to zero, in parallel pieces of 4 MiB.
    public static func zero(_ block: Matrix, workers: Workers) {
        invariant(block.isContiguous, "a block has no gaps")
        let tiles = Tiles(block.elementCount, limit: 1 << 20)
        workers.run(tiles.tileCount) { tile, _ in
            (block.pointer + tiles[tile].lowerBound).update(repeating: 0, count: tiles[tile].count)
        }
    }

    /// `target += source`, both `[T, D]`.
    public static func add(_ source: Matrix, to target: Matrix, workers: Workers) {
        invariant(source.rowCount == target.rowCount && source.columnCount == target.columnCount, "both matrices have the same shape")
        let tiles = Tiles(source.rowCount, limit: 256)
        workers.run(tiles.tileCount) { tile, _ in
            for row in tiles[tile] { add(source.row(row), to: target.row(row), count: source.columnCount) }
        }
    }

    /// `output = first + factor · second`, all `[T, D]`. A factor of 1 gives the rounded sum.
    public static func sum(
        _ first: Matrix, _ second: Matrix, scaledBy factor: Float = 1, into output: Matrix, workers: Workers
    ) {
        invariant(
            first.rowCount == output.rowCount && second.rowCount == output.rowCount,
            "all three matrices have the same number of rows")
        let tiles = Tiles(first.rowCount, limit: 256)
        workers.run(tiles.tileCount) { tile, _ in
            for row in tiles[tile] {
                let (a, b, c) = (first.row(row), second.row(row), output.row(row))
                var index = 0
                while index + 8 <= output.columnCount {
                    c.store8(a.load8(index) + b.load8(index) * factor, index)
                    index += 8
                }
                while index < output.columnCount {
                    c[index] = a[index] + b[index] * factor
                    index += 1
                }
            }
        }
    }

    /// `matrix *= factor`
    public static func scale(_ matrix: Matrix, by factor: Float, workers: Workers) {
        scale(matrix, by: factor, into: matrix, workers: workers)
    }

    /// `output = factor · input`, both `[T, D]`. The output may overwrite the input.
    public static func scale(_ input: Matrix, by factor: Float, into output: Matrix, workers: Workers) {
        invariant(
            input.rowCount == output.rowCount && input.columnCount == output.columnCount, "both matrices have the same shape")
        let tiles = Tiles(input.rowCount, limit: 256)
        workers.run(tiles.tileCount) { tile, _ in
            for row in tiles[tile] {
                let (a, b) = (input.row(row), output.row(row))
                var index = 0
                while index + 8 <= output.columnCount {
                    b.store8(a.load8(index) * factor, index)
                    index += 8
                }
                while index < output.columnCount {
                    b[index] = a[index] * factor
                    index += 1
                }
            }
        }
    }

    /// Whether all numbers are finite and stay finite when stored in `type`.
    public static func areFinite(_ matrix: Matrix, as type: ElementType = .float32, workers: Workers) -> Bool {
        let tiles = Tiles(matrix.rowCount, limit: 256)
        var fine = [Bool](repeating: true, count: tiles.tileCount)
        fine.withUnsafeMutableBufferPointer { fine in
            nonisolated(unsafe) let fine = fine
            workers.run(tiles.tileCount) { tile, _ in fine[tile] = matrix.rows(tiles[tile]).isFinite(as: type) }
        }
        return fine.allSatisfy { $0 }
    }

    /// Σ x² in Double, in an order fixed by the shape: the square of a gradient's norm.
    public static func sumOfSquares(_ matrix: Matrix, workers: Workers) -> Double {
        let tiles = Tiles(matrix.rowCount, limit: 64)
        var partial = [Double](repeating: 0, count: tiles.tileCount)
        partial.withUnsafeMutableBufferPointer { sums in
            nonisolated(unsafe) let sums = sums
            workers.run(tiles.tileCount) { tile, _ in
                var total = 0.0
                for row in tiles[tile] { total += sumOfSquares(matrix.row(row), count: matrix.columnCount) }
                sums[tile] = total
            }
        }
        return partial.reduce(0, +)
    }

    private static func sumOfSquares(_ values: UnsafeMutablePointer<Float>, count: Int) -> Double {
        var low = SIMD4<Double>.zero
        var high = SIMD4<Double>.zero
        var index = 0
        while index + 8 <= count {
            let eight = values.load8(index)
            let first = SIMD4<Double>(eight.lowHalf)
            let second = SIMD4<Double>(eight.highHalf)
            low = low.addingProduct(first, first)
            high = high.addingProduct(second, second)
            index += 8
        }
        var total = (low + high).sum()
        while index < count {
            total += Double(values[index]) * Double(values[index])
            index += 1
        }
        return total
    }
}
