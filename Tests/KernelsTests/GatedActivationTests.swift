import Settings
import Tensors
import Testing

@testable import Kernels

@Suite struct GatedActivationTests {
    typealias Activation = FeedForwardConfiguration.Activation

    private let workers = makeWorkers()

    @Test("the output is activation(gate) · up", arguments: Activation.all, MatrixShape.all)
    func forward(activation: Activation, shape: MatrixShape) {
        let gate = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, scale: 6, seed: 1))
        let up = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, seed: 2))
        let output = FramedMatrix(unwrittenMatrix(shape.rowCount, shape.columnCount))
        GatedActivation(activation).forward(gate: gate.inner, up: up.inner, into: output.inner, workers: workers)
        let expected = zip(gate.inner.values, up.inner.values).map { activation.value(Double($0)) * Double($1) }
        #expect(relativeError(output.inner.values, expected) < 3e-7)
        #expect(output.isIntact)
    }

    @Test(
        "gradients are the slopes of the output, and may overwrite gate and up",
        arguments: Activation.all, MatrixShape.all)
    func backward(activation: Activation, shape: MatrixShape) {
        let gate = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, scale: 6, seed: 3))
        let up = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, seed: 4))
        let outputGradient = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, seed: 5))
        let pairs = zip(zip(gate.inner.values, up.inner.values), outputGradient.inner.values)
        let gateSlopes = pairs.map { pair, slope in Double(slope) * Double(pair.1) * activation.slope(Double(pair.0)) }
        let upSlopes = pairs.map { pair, slope in Double(slope) * activation.value(Double(pair.0)) }
        let gateGradient = unwrittenMatrix(shape.rowCount, shape.columnCount)
        let upGradient = unwrittenMatrix(shape.rowCount, shape.columnCount)
        GatedActivation(activation).backward(
            outputGradient.inner, gate: gate.inner, up: up.inner, gateGradient: gateGradient, upGradient: upGradient,
            workers: workers)
        #expect(relativeError(gateGradient.values, gateSlopes) < 5e-7)
        #expect(relativeError(upGradient.values, upSlopes) < 5e-7)

        GatedActivation(activation).backward(
            outputGradient.inner, gate: gate.inner, up: up.inner, gateGradient: gate.inner, upGradient: up.inner,
            workers: workers)
        #expect(bits(gate.inner) == bits(gateGradient))
        #expect(bits(up.inner) == bits(upGradient))
        #expect(gate.isIntact && up.isIntact)
    }

    @Test("far gates close or pass without a NaN")
    func farGates() {
        let gate = Matrix(rowCount: 1, columnCount: 9, values: [-1000, -200, -90, -20, 0, 20, 90, 200, 1000])
        let up = Matrix(rowCount: 1, columnCount: 9)
        up.fill(2)
        let ones = Matrix(rowCount: 1, columnCount: 9)
        ones.fill(1)
        let output = unwrittenMatrix(1, 9)
        let gateGradient = unwrittenMatrix(1, 9)
        let upGradient = unwrittenMatrix(1, 9)
        GatedActivation(.silu).forward(gate: gate, up: up, into: output, workers: workers)
        GatedActivation(.silu).backward(
            ones, gate: gate, up: up, gateGradient: gateGradient, upGradient: upGradient, workers: workers)
        let gates = gate.values.map(Double.init)
        let expected = gates.map { 2 * Activation.silu.value($0) }
        let slopes: [Double] = gates.map { $0 < -50 ? 0 : $0 > 50 ? 2 : $0 == 0 ? 1 : $0 > 0 ? 2 : 0 }
        #expect(largestDifference(output.values.map(Double.init), expected) < 1e-4)
        #expect(largestDifference(gateGradient.values.map(Double.init), slopes) < 1e-6)
        #expect(largestDifference(upGradient.values.map(Double.init), expected.map { $0 / 2 }) < 1e-4)
    }
}
