import Tensors
import Testing

@testable import Kernels

struct LinearShape: Sendable, CustomTestStringConvertible {
    var tokenCount: Int
    var inputCount: Int
    var outputCount: Int

    init(_ tokenCount: Int, _ inputCount: Int, _ outputCount: Int) {
        self.tokenCount = tokenCount
        self.inputCount = inputCount
        self.outputCount = outputCount
    }

    var testDescription: String { "T \(tokenCount), K \(inputCount), N \(outputCount)" }

    /// Odd sizes, sizes over the limits of tiles, and a rank's share that is empty.
    static let all = [
        LinearShape(1, 1, 1), LinearShape(1, 7, 3), LinearShape(3, 1, 8), LinearShape(7, 9, 1), LinearShape(8, 8, 8),
        LinearShape(9, 17, 33), LinearShape(17, 300, 7), LinearShape(33, 65, 127), LinearShape(127, 33, 65),
        LinearShape(256, 9, 17), LinearShape(257, 127, 9), LinearShape(600, 17, 33), LinearShape(65, 8, 600),
        LinearShape(300, 65, 257), LinearShape(0, 7, 3), LinearShape(9, 0, 5), LinearShape(9, 5, 0),
    ]
}

@Suite struct LinearTests {
    private static let tolerance = 1e-6
    private let workers = makeWorkers()

    /// Random operands of one shape, each a part of a larger matrix.
    private struct Operands {
        let input: FramedMatrix
        let weight: FramedMatrix
        let bias: FramedMatrix
        let outputGradient: FramedMatrix

        init(_ shape: LinearShape) {
            input = FramedMatrix(randomMatrix(shape.tokenCount, shape.inputCount, seed: 1))
            weight = FramedMatrix(randomMatrix(shape.outputCount, shape.inputCount, seed: 2))
            bias = FramedMatrix(randomMatrix(1, shape.outputCount, seed: 3))
            outputGradient = FramedMatrix(randomMatrix(shape.tokenCount, shape.outputCount, seed: 4))
        }
    }

    @Test("the output is x·Wᵀ, with the bias added when there is one", arguments: LinearShape.all)
    func forward(shape: LinearShape) {
        let operands = Operands(shape)
        for bias in [nil, operands.bias.inner] {
            let output = FramedMatrix(unwrittenMatrix(shape.tokenCount, shape.outputCount))
            Linear.forward(
                operands.input.inner, weight: operands.weight.inner, bias: bias, into: output.inner, workers: workers)
            let expected = Oracle.linear(
                Table(operands.input.inner), weight: Table(operands.weight.inner), bias: bias.map(Table.init))
            #expect(relativeError(output.inner, expected) < Self.tolerance)
            #expect(output.isIntact)
        }
    }

    @Test("the input's gradient is dy·W, written or added", arguments: LinearShape.all)
    func backwardInput(shape: LinearShape) {
        let operands = Operands(shape)
        let expected = Oracle.product(Table(operands.outputGradient.inner), Table(operands.weight.inner))
        let written = FramedMatrix(unwrittenMatrix(shape.tokenCount, shape.inputCount))
        Linear.backwardInput(
            operands.outputGradient.inner, weight: operands.weight.inner, into: written.inner, workers: workers)
        #expect(relativeError(written.inner, expected) < Self.tolerance)

        let before = randomMatrix(shape.tokenCount, shape.inputCount, seed: 5)
        let added = FramedMatrix(before)
        Linear.backwardInput(
            operands.outputGradient.inner, weight: operands.weight.inner, into: added.inner, accumulate: true,
            workers: workers)
        #expect(relativeError(added.inner, expected + Table(before)) < Self.tolerance)
        #expect(written.isIntact && added.isIntact)
    }

    @Test("the weight's gradient dyᵀ·x is added to what is there", arguments: LinearShape.all)
    func backwardWeight(shape: LinearShape) {
        let operands = Operands(shape)
        let before = randomMatrix(shape.outputCount, shape.inputCount, seed: 6)
        let gradient = FramedMatrix(before)
        Linear.backwardWeight(
            operands.outputGradient.inner, input: operands.input.inner, into: gradient.inner, workers: workers)
        let expected = Oracle.product(
            Oracle.transposed(Table(operands.outputGradient.inner)), Table(operands.input.inner))
        #expect(relativeError(gradient.inner, expected + Table(before)) < Self.tolerance)
        #expect(gradient.isIntact)
    }

    @Test("the bias's gradient is the sum over tokens, added to what is there", arguments: LinearShape.all)
    func backwardBias(shape: LinearShape) {
        let operands = Operands(shape)
        let before = randomMatrix(1, shape.outputCount, seed: 7)
        let gradient = FramedMatrix(before)
        Linear.backwardBias(operands.outputGradient.inner, into: gradient.inner)
        let expected = Oracle.columnSums(Table(operands.outputGradient.inner))
        #expect(relativeError(gradient.inner, expected + Table(before)) < Self.tolerance)
        #expect(gradient.isIntact)
    }

    @Test("gradients are the slopes of the output", arguments: [LinearShape(3, 7, 5), LinearShape(9, 2, 8)])
    func slopes(shape: LinearShape) {
        let operands = Operands(shape)
        let input = Table(operands.input.inner)
        let weight = Table(operands.weight.inner)
        let bias = Table(operands.bias.inner)
        let slope = Table(operands.outputGradient.inner)
        let inputGradient = unwrittenMatrix(shape.tokenCount, shape.inputCount)
        let weightGradient = Matrix(rowCount: shape.outputCount, columnCount: shape.inputCount)
        let biasGradient = Matrix(rowCount: 1, columnCount: shape.outputCount)
        let outputGradient = operands.outputGradient.inner
        Linear.backwardInput(outputGradient, weight: operands.weight.inner, into: inputGradient, workers: workers)
        Linear.backwardWeight(outputGradient, input: operands.input.inner, into: weightGradient, workers: workers)
        Linear.backwardBias(outputGradient, into: biasGradient)

        let inputSlopes = numericalGradient(at: input) { Oracle.linear($0, weight: weight, bias: bias).dot(slope) }
        let weightSlopes = numericalGradient(at: weight) { Oracle.linear(input, weight: $0, bias: bias).dot(slope) }
        let biasSlopes = numericalGradient(at: bias) { Oracle.linear(input, weight: weight, bias: $0).dot(slope) }
        #expect(relativeError(inputGradient, inputSlopes) < Self.tolerance)
        #expect(relativeError(weightGradient, weightSlopes) < Self.tolerance)
        #expect(relativeError(biasGradient, biasSlopes) < Self.tolerance)
    }

    @Test("weights in a file's type give the bits of the same weights as floats", arguments: StoredPlacement.all)
    func storedWeights(placement: StoredPlacement) {
        let stored = randomStoredMatrix(
            300, 65, type: placement.type, byteOffset: placement.byteOffset, seed: 8)
        let input = randomMatrix(257, 65, seed: 9)
        let scratch = ScratchMatrix()
        let fromFloats = unwrittenMatrix(257, 300)
        let fromStored = unwrittenMatrix(257, 300)
        Linear.forward(input, weight: floats(of: stored), into: fromFloats, workers: workers)
        let widened = WeightView.stored(stored).floats(using: scratch, workers: workers)
        Linear.forward(input, weight: widened, into: fromStored, workers: workers)
        #expect(bits(fromFloats) == bits(fromStored))
        let isUsedInPlace = placement.type == .float32 && placement.byteOffset % 4 == 0
        #expect((scratch.byteCount == 0) == isUsedInPlace)
    }

    @Test("a shard of stored weights is widened alone", arguments: StoredPlacement.all)
    func storedShard(placement: StoredPlacement) {
        let stored = randomStoredMatrix(
            90, 33, type: placement.type, byteOffset: placement.byteOffset, seed: 10)
        let shard = WeightView.stored(stored.columns(5..<22)).rows(9..<80)
        let widened = shard.floats(using: ScratchMatrix(), workers: workers)
        #expect(bits(widened) == bits(floats(of: stored).rows(9..<80).columns(5..<22)))
        #expect(shard.rowCount == 71 && shard.columnCount == 17)
    }

    @Test("scratch memory grows to the largest matrix asked for and is then reused")
    func scratchGrows() {
        let scratch = ScratchMatrix()
        let large = scratch.matrix(rowCount: 10, columnCount: 20)
        let small = scratch.matrix(rowCount: 3, columnCount: 7)
        #expect(large.pointer == small.pointer)
        #expect(scratch.byteCount == 800)
        #expect(scratch.matrix(rowCount: 20, columnCount: 20).elementCount == 400)
        #expect(scratch.byteCount == 1600)
    }
}
