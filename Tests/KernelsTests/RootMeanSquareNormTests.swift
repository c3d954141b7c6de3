import Tensors
import Testing

@testable import Kernels

struct MatrixShape: Sendable, CustomTestStringConvertible {
    var rowCount: Int
    var columnCount: Int

    init(_ rowCount: Int, _ columnCount: Int) {
        self.rowCount = rowCount
        self.columnCount = columnCount
    }

    var testDescription: String { "\(rowCount) × \(columnCount)" }

    /// Odd widths around the vector length, and row counts around the limits of tiles.
    static let all = [
        MatrixShape(1, 1), MatrixShape(1, 3), MatrixShape(3, 7), MatrixShape(7, 8), MatrixShape(8, 9),
        MatrixShape(9, 17), MatrixShape(33, 15), MatrixShape(17, 33), MatrixShape(65, 65), MatrixShape(64, 31),
        MatrixShape(127, 127), MatrixShape(257, 48), MatrixShape(33, 300), MatrixShape(600, 23),
        MatrixShape(0, 9),
    ]
}

@Suite struct RootMeanSquareNormTests {
    private static let epsilon = 1e-5
    private let workers = makeWorkers()

    @Test("the output is w·x over the root of the mean square", arguments: MatrixShape.all)
    func forward(shape: MatrixShape) {
        let input = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, seed: 1))
        let weight = randomMatrix(1, shape.columnCount, seed: 2)
        let output = FramedMatrix(unwrittenMatrix(shape.rowCount, shape.columnCount))
        let inverseRoot = unwrittenMatrix(shape.rowCount, 1)
        RootMeanSquareNorm.forward(
            input.inner, weight: weight, epsilon: Self.epsilon, into: output.inner, inverseRoot: inverseRoot,
            workers: workers)
        let table = Table(input.inner)
        #expect(relativeError(output.inner, Oracle.norm(table, weight: Table(weight), epsilon: Self.epsilon)) < 3e-7)
        let roots = (0..<shape.rowCount).map { Oracle.inverseRoot(table, row: $0, epsilon: Self.epsilon) }
        #expect(relativeError(inverseRoot.values, roots) < 3e-7)
        #expect(output.isIntact)
    }

    @Test("epsilon counts where the input is small")
    func epsilonCounts() {
        let input = randomMatrix(9, 33, scale: 1e-3, seed: 3)
        let weight = randomMatrix(1, 33, seed: 4)
        let output = unwrittenMatrix(9, 33)
        RootMeanSquareNorm.forward(
            input, weight: weight, epsilon: 1e-6, into: output, inverseRoot: unwrittenMatrix(9, 1), workers: workers)
        #expect(relativeError(output, Oracle.norm(Table(input), weight: Table(weight), epsilon: 1e-6)) < 3e-7)
        input.fill(0)
        RootMeanSquareNorm.forward(
            input, weight: weight, epsilon: 1e-6, into: output, inverseRoot: unwrittenMatrix(9, 1), workers: workers)
        #expect(output.values.allSatisfy { $0 == 0 })
    }

    @Test("recomputing gives the bits of forward", arguments: MatrixShape.all)
    func recompute(shape: MatrixShape) {
        let input = randomMatrix(shape.rowCount, shape.columnCount, seed: 5)
        let weight = randomMatrix(1, shape.columnCount, seed: 6)
        let first = unwrittenMatrix(shape.rowCount, shape.columnCount)
        let second = unwrittenMatrix(shape.rowCount, shape.columnCount)
        let inverseRoot = unwrittenMatrix(shape.rowCount, 1)
        RootMeanSquareNorm.forward(
            input, weight: weight, epsilon: Self.epsilon, into: first, inverseRoot: inverseRoot, workers: workers)
        RootMeanSquareNorm.recompute(input, weight: weight, inverseRoot: inverseRoot, into: second, workers: workers)
        #expect(bits(first) == bits(second))
        #expect(isFinite(first.values))
    }

    /// The kernel's gradients, added to `before`.
    private func gradients(
        _ input: Matrix, weight: Matrix, outputGradient: Matrix, before: (input: Matrix, weight: Matrix)
    ) -> (input: FramedMatrix, weight: Matrix) {
        let inverseRoot = unwrittenMatrix(input.rowCount, 1)
        RootMeanSquareNorm.forward(
            input, weight: weight, epsilon: Self.epsilon, into: unwrittenMatrix(input.rowCount, input.columnCount),
            inverseRoot: inverseRoot, workers: workers)
        let inputGradient = FramedMatrix(before.input)
        let weightGradient = unwrittenMatrix(1, input.columnCount)
        weightGradient.copy(from: before.weight)
        RootMeanSquareNorm.backward(
            outputGradient, input: input, weight: weight, inverseRoot: inverseRoot,
            addingTo: inputGradient.inner, weightGradient: weightGradient, scratch: usedScratch(), workers: workers)
        return (inputGradient, weightGradient)
    }

    /// Scratch that holds another kernel's numbers.
    private func usedScratch() -> ScratchMatrix {
        let scratch = ScratchMatrix()
        scratch.matrix(rowCount: 64, columnCount: 1024).fill(.nan)
        return scratch
    }

    @Test("backward adds the gradients of input and weight", arguments: MatrixShape.all)
    func backward(shape: MatrixShape) {
        let input = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, seed: 7))
        let weight = randomMatrix(1, shape.columnCount, seed: 8)
        let outputGradient = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, seed: 9))
        let before = (
            input: randomMatrix(shape.rowCount, shape.columnCount, seed: 10),
            weight: randomMatrix(1, shape.columnCount, seed: 11)
        )
        let found = gradients(
            input.inner, weight: weight, outputGradient: outputGradient.inner, before: before)
        let expected = Oracle.normBackward(
            Table(outputGradient.inner), input: Table(input.inner), weight: Table(weight), epsilon: Self.epsilon)
        #expect(relativeError(found.input.inner, expected.input + Table(before.input)) < 1e-6)
        #expect(relativeError(found.weight, expected.weight + Table(before.weight)) < 1e-6)
        #expect(found.input.isIntact)
    }

    @Test("gradients are the slopes of the output", arguments: [MatrixShape(3, 7), MatrixShape(2, 17), MatrixShape(5, 8)])
    func slopes(shape: MatrixShape) {
        let input = randomMatrix(shape.rowCount, shape.columnCount, seed: 12)
        let weight = randomMatrix(1, shape.columnCount, seed: 13)
        let outputGradient = randomMatrix(shape.rowCount, shape.columnCount, seed: 14)
        let before = (
            input: Matrix(rowCount: shape.rowCount, columnCount: shape.columnCount),
            weight: Matrix(rowCount: 1, columnCount: shape.columnCount)
        )
        let found = gradients(input, weight: weight, outputGradient: outputGradient, before: before)
        let slope = Table(outputGradient)
        let inputSlopes = numericalGradient(at: Table(input)) {
            Oracle.norm($0, weight: Table(weight), epsilon: Self.epsilon).dot(slope)
        }
        let weightSlopes = numericalGradient(at: Table(weight)) {
            Oracle.norm(Table(input), weight: $0, epsilon: Self.epsilon).dot(slope)
        }
        #expect(relativeError(found.input.inner, inputSlopes) < 1e-6)
        #expect(relativeError(found.weight, weightSlopes) < 1e-6)
    }
}
