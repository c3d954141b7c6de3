import Tensors
import Testing

@testable import Kernels

@Suite struct ElementwiseTests {
    private let workers = makeWorkers()

    @Test("addition and sum give each element's rounded sum", arguments: MatrixShape.all + [MatrixShape(513, 9)])
    func sums(shape: MatrixShape) {
        let first = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, seed: 1))
        let second = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, seed: 2))
        let expected = zip(first.inner.values, second.inner.values).map { ($0 + $1).bitPattern }
        let output = FramedMatrix(unwrittenMatrix(shape.rowCount, shape.columnCount))
        Elementwise.sum(first.inner, second.inner, into: output.inner, workers: workers)
        #expect(bits(output.inner) == expected)
        Elementwise.add(first.inner, to: second.inner, workers: workers)
        #expect(bits(second.inner) == expected)
        #expect(output.isIntact && second.isIntact)
    }

    @Test("scaled sums and products round each operation", arguments: MatrixShape.all, [Float(0.22), 1, -3])
    func scales(shape: MatrixShape, factor: Float) {
        let first = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, seed: 1))
        let second = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, seed: 2))
        let output = FramedMatrix(unwrittenMatrix(shape.rowCount, shape.columnCount))
        let products = second.inner.values.map { $0 * factor }
        Elementwise.sum(first.inner, second.inner, scaledBy: factor, into: output.inner, workers: workers)
        #expect(output.inner.values == zip(first.inner.values, products).map { $0 + $1 })
        Elementwise.scale(second.inner, by: factor, into: output.inner, workers: workers)
        #expect(output.inner.values == products)
        Elementwise.scale(second.inner, by: factor, workers: workers)
        #expect(second.inner.values == products)
        #expect(output.isIntact && second.isIntact)
    }

    @Test("the sum of squares is Double's", arguments: MatrixShape.all)
    func sumOfSquares(shape: MatrixShape) {
        let matrix = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, seed: 3))
        let expected = matrix.inner.values.reduce(0) { $0 + Double($1) * Double($1) }
        let found = Elementwise.sumOfSquares(matrix.inner, workers: workers)
        #expect(abs(found - expected) <= 1e-13 * expected)
    }

    @Test("the sum of squares has Double's range")
    func sumOfSquaresRange() {
        let matrix = Matrix(rowCount: 3, columnCount: 9)
        matrix.fill(1e30)
        #expect(abs(Elementwise.sumOfSquares(matrix, workers: workers) - 27e60) < 1e54)
    }

    @Test("one value of any row that is no number is found, whichever thread looks at it", arguments: MatrixShape.all + [MatrixShape(513, 9)])
    func finite(shape: MatrixShape) {
        let matrix = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, seed: 3)).inner
        #expect(Elementwise.areFinite(matrix, workers: workers))
        guard shape.rowCount > 0, shape.columnCount > 0 else { return }
        for row in [0, shape.rowCount / 2, shape.rowCount - 1] {
            let kept = matrix[row, shape.columnCount - 1]
            matrix[row, shape.columnCount - 1] = .infinity
            #expect(!Elementwise.areFinite(matrix, workers: workers))
            matrix[row, shape.columnCount - 1] = kept
        }
        #expect(Elementwise.areFinite(matrix, workers: workers))
    }
}
