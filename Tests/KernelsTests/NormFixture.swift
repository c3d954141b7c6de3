import Settings
import Tensors
import Testing

@testable import Kernels

/// A kind of norm and how its rows are cut.
struct NormCase: Sendable, CustomTestStringConvertible {
    var configuration: NormConfiguration
    var segmentCount = 1
    var sharesWeight = true

    var testDescription: String {
        let (norm, cut) = (configuration, segmentCount == 1 ? "whole rows" : "\(segmentCount) segments")
        let weights = sharesWeight ? "one weight" : "own weights"
        return "\(norm.kind), weight \(norm.weight), bias \(norm.hasBias), \(cut), \(weights)"
    }

    static let kinds = [
        NormConfiguration(epsilon: 1e-5), NormConfiguration(epsilon: 1e-6, weight: .onePlus),
        NormConfiguration(epsilon: 1e-5, weight: .none), NormConfiguration(.layer, epsilon: 1e-5, hasBias: true),
        NormConfiguration(.layer, epsilon: 1e-5), NormConfiguration(.layer, epsilon: 1e-5, weight: .none),
    ]

    static let all = kinds.flatMap { kind in
        [
            NormCase(configuration: kind), NormCase(configuration: kind, segmentCount: 3),
            NormCase(configuration: kind, segmentCount: 2, sharesWeight: false),
        ]
    }

    static let shapes = [
        MatrixShape(3, 1), MatrixShape(5, 7), MatrixShape(1, 8), MatrixShape(9, 9), MatrixShape(33, 16), MatrixShape(5, 63),
        MatrixShape(70, 8), MatrixShape(2, 130), MatrixShape(0, 9),
    ]
}

/// A norm with random rows, each of whose segments has the columns of a shape. Rows are parts of longer rows.
struct NormFixture {
    let norm: Normalization
    let weight: Matrix?
    let bias: Matrix?
    let input: FramedMatrix
    let outputGradient: FramedMatrix
    let oracle: NormOracle
    let workers: Workers
    let rowCount: Int
    let width: Int

    init(_ norm: NormCase, _ shape: MatrixShape, workers: Workers) {
        let configuration = norm.configuration
        rowCount = shape.rowCount
        width = shape.columnCount * norm.segmentCount
        self.norm = Normalization(configuration, segmentCount: norm.segmentCount, sharesWeight: norm.sharesWeight)
        self.workers = workers
        let weightCount = norm.sharesWeight ? shape.columnCount : width
        weight = configuration.weight == .none ? nil : randomMatrix(1, weightCount, seed: 2)
        bias = configuration.hasBias ? randomMatrix(1, weightCount, seed: 3) : nil
        input = FramedMatrix(randomMatrix(rowCount, width, seed: 4))
        outputGradient = FramedMatrix(randomMatrix(rowCount, width, seed: 5))
        oracle = NormOracle(
            configuration, segmentCount: norm.segmentCount, width: width, weight: weight.map(Table.init),
            bias: bias.map(Table.init))
    }

    func makeStatistics() -> Matrix { unwrittenMatrix(rowCount, norm.statisticsPerRow) }

    func forward(into output: Matrix, statistics: Matrix) {
        norm.forward(input.inner, weight: weight, bias: bias, into: output, statistics: statistics, workers: workers)
    }

    func statistics() -> Matrix {
        let result = makeStatistics()
        forward(into: unwrittenMatrix(rowCount, width), statistics: result)
        return result
    }

    func backward(
        _ outputGradient: Matrix? = nil, into inputGradient: Matrix, accumulate: Bool, weightGradient: Matrix?,
        biasGradient: Matrix?
    ) {
        // Scratch that holds another kernel's numbers.
        let scratch = ScratchMatrix()
        scratch.matrix(rowCount: 64, columnCount: 1024).fill(.nan)
        norm.backward(
            outputGradient ?? self.outputGradient.inner, input: input.inner, weight: weight, statistics: statistics(),
            into: inputGradient, accumulate: accumulate, weightGradient: weightGradient, biasGradient: biasGradient,
            scratch: scratch, workers: workers)
    }
}
