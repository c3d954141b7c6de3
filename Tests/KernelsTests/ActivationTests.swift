import Foundation
import Settings
import Tensors
import Testing

@testable import Kernels

@Suite struct ActivationTests {
    typealias Activation = FeedForwardConfiguration.Activation

    private let workers = makeWorkers()

    /// Where the relative error of an activation is below `limit`.
    struct Accuracy: Sendable {
        var activation: Activation
        var range: ClosedRange<Double>
        var limit: Double
    }

    private static let accuracies = [
        Accuracy(activation: .silu, range: -80...80, limit: 1e-6), Accuracy(activation: .gelu, range: -13...20, limit: 1e-6),
        Accuracy(activation: .geluTanh, range: -3...20, limit: 1e-6),
        Accuracy(activation: .geluTanh, range: -9...(-3), limit: 2e-5),
    ]

    @Test("the relative error is small where the activation is not", arguments: accuracies)
    func relativeErrors(accuracy: Accuracy) {
        let count = 100_000
        let width = accuracy.range.upperBound - accuracy.range.lowerBound
        let points = (0..<count).map { Float(accuracy.range.lowerBound + width * Double($0) / Double(count - 1)) }
        let input = Matrix(rowCount: count / 1000, columnCount: 1000, values: points)
        let output = unwrittenMatrix(count / 1000, 1000)
        PointwiseActivation(accuracy.activation).forward(input, into: output, workers: workers)
        var largest = 0.0
        for (x, found) in zip(points, output.values) {
            let wanted = accuracy.activation.value(Double(x))
            let error = abs(Double(found) - wanted) / max(abs(wanted), 1e-37)
            if !(error <= largest) { largest = error.isNaN ? .infinity : error }
        }
        #expect(largest < accuracy.limit)
    }

    @Test("slopes are those of the activation", arguments: Activation.all)
    func slopes(activation: Activation) {
        let points = (0..<40_000).map { Float(-20 + 40 * Double($0) / 39_999) }
        let input = Matrix(rowCount: 40, columnCount: 1000, values: points)
        let ones = Matrix(rowCount: 40, columnCount: 1000)
        ones.fill(1)
        let slopes = unwrittenMatrix(40, 1000)
        PointwiseActivation(activation).backward(ones, input: input, into: slopes, workers: workers)
        // SiLU's 1 − sigmoid(x) cancels: 6e-8 · x.
        let limit = activation == .silu ? 1.2e-6 : 3e-7
        #expect(largestDifference(slopes.values.map(Double.init), points.map { activation.slope(Double($0)) }) < limit)
    }

    @Test("output and gradient of any shape, in place too", arguments: Activation.all, MatrixShape.all)
    func shapes(activation: Activation, shape: MatrixShape) {
        let input = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, scale: 6, seed: 1))
        let gradient = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, seed: 2))
        let output = FramedMatrix(unwrittenMatrix(shape.rowCount, shape.columnCount))
        let inputGradient = FramedMatrix(unwrittenMatrix(shape.rowCount, shape.columnCount))
        let values = input.inner.values.map(Double.init)
        let slopes = zip(values, gradient.inner.values).map { activation.slope($0) * Double($1) }
        let kernel = PointwiseActivation(activation)
        kernel.forward(input.inner, into: output.inner, workers: workers)
        kernel.backward(gradient.inner, input: input.inner, into: inputGradient.inner, workers: workers)
        #expect(relativeError(output.inner.values, values.map(activation.value)) < 5e-7)
        #expect(relativeError(inputGradient.inner.values, slopes) < 5e-7)
        kernel.backward(gradient.inner, input: input.inner, into: gradient.inner, workers: workers)
        kernel.forward(input.inner, into: input.inner, workers: workers)
        #expect(bits(gradient.inner) == bits(inputGradient.inner) && bits(input.inner) == bits(output.inner))
        #expect(output.isIntact && inputGradient.isIntact && input.isIntact && gradient.isIntact)
    }

    @Test("far inputs vanish or pass, with slopes 0 and 1", arguments: Activation.all)
    func farInputs(activation: Activation) {
        let input = Matrix(rowCount: 1, columnCount: 9, values: [-1e30, -1e13, -1000, -100, 0, 100, 1000, 1e13, 1e30])
        let ones = Matrix(rowCount: 1, columnCount: 9)
        ones.fill(1)
        let (output, slopes) = (unwrittenMatrix(1, 9), unwrittenMatrix(1, 9))
        PointwiseActivation(activation).forward(input, into: output, workers: workers)
        PointwiseActivation(activation).backward(ones, input: input, into: slopes, workers: workers)
        for (x, (found, slope)) in zip(input.values, zip(output.values, slopes.values)) {
            #expect(abs(found - max(x, 0)) <= 1e-37 * abs(x), "\(x) gives \(found)")
            #expect(abs(slope - (x == 0 ? 0.5 : x > 0 ? 1 : 0)) < 1e-6, "\(x) has the slope \(slope)")
        }
    }

    @Test("NaN stays NaN and leaves its neighbours alone", arguments: Activation.all)
    func notANumber(activation: Activation) {
        let input = Matrix(rowCount: 1, columnCount: 8, values: [0, 0, 0, .nan, 0, 0, 0, 0])
        let output = unwrittenMatrix(1, 8)
        PointwiseActivation(activation).forward(input, into: output, workers: workers)
        #expect(output.values.map(\.isNaN) == [false, false, false, true, false, false, false, false])
    }
}
