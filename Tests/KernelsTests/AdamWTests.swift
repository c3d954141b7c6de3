import Foundation
import Tensors
import Testing

@testable import Kernels

@Suite struct AdamWTests {
    private let workers = makeWorkers()

    /// One parameter, its moments and the paper's formula, in Double.
    private struct OracleState {
        var value: Double
        var first = 0.0
        var second = 0.0

        mutating func update(
            _ optimizer: AdamW, gradient: Double, step: Int, learningRate: Double, weightDecay: Double
        ) {
            first = optimizer.beta1 * first + (1 - optimizer.beta1) * gradient
            second = optimizer.beta2 * second + (1 - optimizer.beta2) * gradient * gradient
            let unbiasedFirst = first / (1 - pow(optimizer.beta1, Double(step)))
            let unbiasedSecond = second / (1 - pow(optimizer.beta2, Double(step)))
            value -= learningRate * weightDecay * value
            value -= learningRate * unbiasedFirst / (unbiasedSecond.squareRoot() + optimizer.epsilon)
        }
    }

    struct Setting: Sendable, CustomTestStringConvertible {
        var decay: Double
        var scale: Double
        var epsilon: Double

        var testDescription: String { "decay \(decay), gradient scale \(scale), epsilon \(epsilon)" }
    }

    private static let settings = [
        Setting(decay: 0, scale: 1, epsilon: 1e-8), Setting(decay: 0.1, scale: 1, epsilon: 1e-8),
        Setting(decay: 0.1, scale: 0.3, epsilon: 1e-2), Setting(decay: 2, scale: 5, epsilon: 1e-3),
    ]

    @Test("three steps follow the formula", arguments: settings, MatrixShape.all)
    func steps(setting: Setting, shape: MatrixShape) {
        let optimizer = AdamW(beta1: 0.9, beta2: 0.95, epsilon: setting.epsilon)
        let values = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, seed: 1))
        let start = values.inner.values.map(Double.init)
        let first = FramedMatrix(Matrix(rowCount: shape.rowCount, columnCount: shape.columnCount))
        let second = FramedMatrix(Matrix(rowCount: shape.rowCount, columnCount: shape.columnCount))
        var oracle = start.map { OracleState(value: $0) }
        for step in 1...3 {
            let gradient = FramedMatrix(randomMatrix(shape.rowCount, shape.columnCount, scale: 0.1, seed: UInt64(10 + step)))
            let learningRate = 0.05 / Double(step)
            optimizer.update(
                values: values.inner, gradient: gradient.inner, firstMoment: first.inner, secondMoment: second.inner,
                step: step, learningRate: learningRate, weightDecay: setting.decay, gradientScale: setting.scale,
                workers: workers)
            for (index, value) in gradient.inner.values.enumerated() {
                oracle[index].update(
                    optimizer, gradient: Double(value) * setting.scale, step: step, learningRate: learningRate,
                    weightDecay: setting.decay)
            }
        }
        let moved = zip(values.inner.values, start).map { Float(Double($0) - $1) }
        #expect(relativeError(moved, zip(oracle, start).map { $0.value - $1 }) < 3e-6)
        #expect(relativeError(first.inner.values, oracle.map(\.first)) < 3e-7)
        #expect(relativeError(second.inner.values, oracle.map(\.second)) < 5e-7)
        #expect(values.isIntact && first.isIntact && second.isIntact)
    }

    @Test("a first step without a gradient only decays")
    func decayAlone() {
        let values = randomMatrix(3, 9, seed: 2)
        let expected = values.values.map { Double($0) * (1 - 0.1 * 0.25) }
        let zeros = (0..<3).map { _ in Matrix(rowCount: 3, columnCount: 9) }
        AdamW(beta1: 0.9, beta2: 0.999, epsilon: 1e-8).update(
            values: values, gradient: zeros[0], firstMoment: zeros[1], secondMoment: zeros[2], step: 1,
            learningRate: 0.1, weightDecay: 0.25, gradientScale: 1, workers: workers)
        #expect(relativeError(values.values, expected) < 1e-7)
        #expect(zeros[1].values.allSatisfy { $0 == 0 } && zeros[2].values.allSatisfy { $0 == 0 })
    }
}
