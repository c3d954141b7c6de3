import Settings
import Tensors
import Testing

@testable import Kernels

@Suite struct ClampedActivationTests {
    typealias Activation = FeedForwardConfiguration.Activation

    private static let activations: [Activation] = [
        .clampedSiLU(limit: 7, slope: 1.702), .clampedSiLU(limit: 2.5, slope: 0.7), .clampedSiLU(limit: .infinity, slope: 1),
    ]

    private let workers = makeWorkers()

    @Test("the output clamps gate and up, and may overwrite either", arguments: activations, MatrixShape.all)
    func forward(activation: Activation, shape: MatrixShape) {
        let gate = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, scale: 12, seed: 1))
        let up = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, scale: 12, seed: 2))
        let output = FramedMatrix(unwrittenMatrix(shape.rowCount, shape.columnCount))
        let expected = zip(gate.inner.values, up.inner.values).map { activation.value(gate: Double($0), up: Double($1)) }
        let kernel = GatedActivation(activation)
        kernel.forward(gate: gate.inner, up: up.inner, into: output.inner, workers: workers)
        #expect(relativeError(output.inner.values, expected) < 3e-7)

        let otherGate = randomMatrix(shape.rowCount, shape.columnCount, scale: 12, seed: 1)
        kernel.forward(gate: otherGate, up: up.inner, into: otherGate, workers: workers)
        kernel.forward(gate: gate.inner, up: up.inner, into: up.inner, workers: workers)
        #expect(bits(otherGate) == bits(output.inner) && bits(up.inner) == bits(output.inner))
        #expect(output.isIntact && gate.isIntact && up.isIntact)
    }

    @Test("gradients are the slopes of the output, and may overwrite gate and up", arguments: activations, MatrixShape.all)
    func backward(activation: Activation, shape: MatrixShape) {
        let gate = FramedMatrix(awayFromLimits(randomMatrix(shape.rowCount, shape.columnCount, scale: 12, seed: 3), activation))
        let up = FramedMatrix(awayFromLimits(randomMatrix(shape.rowCount, shape.columnCount, scale: 12, seed: 4), activation))
        let outputGradient = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, seed: 5))
        let inputs = zip(gate.inner.values.map(Double.init), up.inner.values.map(Double.init))
        let slopes = zip(inputs, outputGradient.inner.values.map(Double.init))
        let gateSlopes = slopes.map { input, slope in slope * activation.gateSlope(gate: input.0, up: input.1) }
        let upSlopes = slopes.map { input, slope in slope * activation.upSlope(gate: input.0, up: input.1) }
        let gateGradient = unwrittenMatrix(shape.rowCount, shape.columnCount)
        let upGradient = unwrittenMatrix(shape.rowCount, shape.columnCount)
        let kernel = GatedActivation(activation)
        kernel.backward(
            outputGradient.inner, gate: gate.inner, up: up.inner, gateGradient: gateGradient, upGradient: upGradient,
            workers: workers)
        #expect(relativeError(gateGradient.values, gateSlopes) < 5e-7)
        #expect(relativeError(upGradient.values, upSlopes) < 5e-7)

        kernel.backward(
            outputGradient.inner, gate: gate.inner, up: up.inner, gateGradient: gate.inner, upGradient: up.inner,
            workers: workers)
        #expect(bits(gate.inner) == bits(gateGradient) && bits(up.inner) == bits(upGradient))
        #expect(gate.isIntact && up.isIntact && outputGradient.isIntact)
    }

    /// An input at or beyond a limit of 7, and the gradients that pass.
    struct Edge: Sendable {
        var gate: Float
        var up: Float
        var passesGate = true
        var passesUp = true
    }

    private static let edges = [
        Edge(gate: 7, up: 1), Edge(gate: Float(7).nextDown, up: 1), Edge(gate: Float(7).nextUp, up: 1, passesGate: false),
        Edge(gate: 1, up: 7), Edge(gate: 1, up: Float(7).nextUp, passesUp: false), Edge(gate: 1, up: -7),
        Edge(gate: 1, up: (-7 as Float).nextDown, passesUp: false), Edge(gate: 7, up: -7), Edge(gate: 7, up: 7),
        Edge(gate: -7, up: 3), Edge(gate: (-7 as Float).nextDown, up: 3), Edge(gate: -20, up: 3), Edge(gate: 2, up: -1),
        Edge(gate: 1000, up: 1000, passesGate: false, passesUp: false),
        Edge(gate: 1e30, up: -1e30, passesGate: false, passesUp: false),
        Edge(gate: .infinity, up: -.infinity, passesGate: false, passesUp: false),
    ]

    @Test("a gradient passes at the limit itself and is 0 beyond it", arguments: edges, [1, 8, 11])
    func limits(edge: Edge, width: Int) {
        let activation = Activation.clampedSiLU(limit: 7, slope: 1.702)
        let (gate, up) = (Matrix(rowCount: 1, columnCount: width), Matrix(rowCount: 1, columnCount: width))
        gate.fill(edge.gate)
        up.fill(edge.up)
        let gradient = Matrix(rowCount: 1, columnCount: width)
        gradient.fill(2)
        let output = unwrittenMatrix(1, width)
        let (gateGradient, upGradient) = (unwrittenMatrix(1, width), unwrittenMatrix(1, width))
        let kernel = GatedActivation(activation)
        kernel.forward(gate: gate, up: up, into: output, workers: workers)
        kernel.backward(gradient, gate: gate, up: up, gateGradient: gateGradient, upGradient: upGradient, workers: workers)

        // The slopes from within the limits: differences towards 0.
        let (g, u) = (Double(edge.gate), Double(edge.up))
        let value = activation.value(gate: g, up: u)
        let (gateStep, upStep) = (g > 0 ? -1e-6 : 1e-6, u > 0 ? -1e-6 : 1e-6)
        let gateSlope = edge.passesGate ? (activation.value(gate: g + gateStep, up: u) - value) / gateStep : 0
        let upSlope = edge.passesUp ? (activation.value(gate: g, up: u + upStep) - value) / upStep : 0
        for column in 0..<width {
            #expect(abs(Double(output[0, column]) - value) < 1e-6 * max(1, abs(value)))
            #expect(abs(Double(gateGradient[0, column]) - 2 * gateSlope) < (edge.passesGate ? 2e-5 : 0.0.nextUp))
            #expect(abs(Double(upGradient[0, column]) - 2 * upSlope) < (edge.passesUp ? 2e-5 : 0.0.nextUp))
        }
    }

    /// Where the relative error of the gate's factor is below `limit`.
    struct Accuracy: Sendable {
        var range: ClosedRange<Double>
        var limit: Double
    }

    @Test(
        "the relative error is small where the gate's factor is not",
        arguments: [Accuracy(range: -5...20, limit: 1e-6), Accuracy(range: -80...(-5), limit: 1e-5)])
    func relativeErrors(accuracy: Accuracy) {
        let activation = Activation.clampedSiLU(limit: 7, slope: 1.702)
        let (count, width) = (100_000, accuracy.range.upperBound - accuracy.range.lowerBound)
        let gates = (0..<count).map { Float((accuracy.range.lowerBound + width * Double($0) / Double(count - 1)) / 1.702) }
        let gate = Matrix(rowCount: count / 1000, columnCount: 1000, values: gates)
        let up = Matrix(rowCount: count / 1000, columnCount: 1000)
        up.fill(0)
        GatedActivation(activation).forward(gate: gate, up: up, into: up, workers: workers)
        let wanted = gates.map { activation.value(gate: Double($0), up: 0) }
        let errors = zip(up.values, wanted).map { found, wanted in wanted == 0 ? Double(found) : Double(found) / wanted - 1 }
        #expect(largestDifference(errors, wanted.map { _ in 0 }) < accuracy.limit)
    }

    @Test("NaN in gate or up stays NaN and leaves its neighbours alone")
    func notANumber() {
        let gate = Matrix(rowCount: 1, columnCount: 10, values: [0, .nan, 0, 9, -9, 0, 0, 0, .nan, 0])
        let up = Matrix(rowCount: 1, columnCount: 10, values: [0, 0, .nan, 9, -9, 0, 0, 0, 0, .nan])
        let output = unwrittenMatrix(1, 10)
        GatedActivation(.clampedSiLU(limit: 7, slope: 1.702)).forward(gate: gate, up: up, into: output, workers: workers)
        #expect(output.values.enumerated().filter { $0.element.isNaN }.map(\.offset) == [1, 2, 8, 9])
    }

    @Test("a layer without a gate, and a limit of 0, are faults of the code")
    func faults() async {
        await #expect(processExitsWith: .signal(6)) {
            let matrix = Matrix(rowCount: 1, columnCount: 1, values: [1])
            PointwiseActivation(.clampedSiLU(limit: 7, slope: 1.702)).forward(matrix, into: matrix, workers: makeWorkers(1))
        }
        await #expect(processExitsWith: .signal(6)) {
            let matrix = Matrix(rowCount: 1, columnCount: 1, values: [1])
            PointwiseActivation(.clampedSiLU(limit: 7, slope: 1.702)).backward(
                matrix, input: matrix, into: matrix, workers: makeWorkers(1))
        }
        await #expect(processExitsWith: .signal(6)) { _ = GatedActivation(.clampedSiLU(limit: 0, slope: 1.702)) }
    }

    /// Zeros for values within 1e-3 of a limit, where a difference would straddle it.
    private func awayFromLimits(_ matrix: Matrix, _ activation: Activation) -> Matrix {
        guard case .clampedSiLU(let limit, _) = activation else { return matrix }
        let values = matrix.values.map { abs(abs(Double($0)) - limit) < 1e-3 ? 0 : $0 }
        return Matrix(rowCount: matrix.rowCount, columnCount: matrix.columnCount, values: values)
    }
}
