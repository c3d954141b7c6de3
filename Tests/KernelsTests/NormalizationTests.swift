import Settings
import Tensors
import Testing

@testable import Kernels

@Suite struct NormalizationTests {
    private let workers = makeWorkers()

    @Test("the output is the naive norm's", arguments: NormCase.all, NormCase.shapes)
    func forward(norm: NormCase, shape: MatrixShape) {
        let fixture = NormFixture(norm, shape, workers: workers)
        let output = FramedMatrix(unwrittenMatrix(fixture.rowCount, fixture.width))
        fixture.forward(into: output.inner, statistics: fixture.makeStatistics())
        #expect(relativeError(output.inner, fixture.oracle.forward(Table(fixture.input.inner))) < 5e-7)
        #expect(output.isIntact)
    }

    @Test("recomputing, and forward in place, give the bits of forward", arguments: NormCase.all, NormCase.shapes)
    func recompute(norm: NormCase, shape: MatrixShape) {
        let fixture = NormFixture(norm, shape, workers: workers)
        let statistics = fixture.makeStatistics()
        let output = unwrittenMatrix(fixture.rowCount, fixture.width)
        fixture.forward(into: output, statistics: statistics)
        let again = unwrittenMatrix(fixture.rowCount, fixture.width)
        fixture.norm.recompute(
            fixture.input.inner, weight: fixture.weight, bias: fixture.bias, statistics: statistics, into: again,
            workers: workers)
        #expect(bits(again) == bits(output))
        fixture.forward(into: fixture.input.inner, statistics: statistics)
        #expect(bits(fixture.input.inner) == bits(output))
        #expect(fixture.input.isIntact && isFinite(output.values))
    }

    @Test("backward adds the gradients of input, weight and bias", arguments: NormCase.all, NormCase.shapes)
    func backward(norm: NormCase, shape: MatrixShape) {
        let fixture = NormFixture(norm, shape, workers: workers)
        let before = randomMatrix(fixture.rowCount, fixture.width, seed: 6)
        let inputGradient = FramedMatrix(before)
        let weightBefore = fixture.weight.map { randomMatrix(1, $0.columnCount, seed: 7) }
        let biasBefore = fixture.bias.map { randomMatrix(1, $0.columnCount, seed: 8) }
        let (weightGradient, biasGradient) = (weightBefore.map(copy), biasBefore.map(copy))
        fixture.backward(
            into: inputGradient.inner, accumulate: true, weightGradient: weightGradient, biasGradient: biasGradient)
        let expected = fixture.oracle.backward(Table(fixture.outputGradient.inner), Table(fixture.input.inner))
        #expect(relativeError(inputGradient.inner, expected.input + Table(before), floor: expected.size) < 1e-6)
        #expect(inputGradient.isIntact)
        let segments = norm.sharesWeight ? norm.segmentCount : 1
        if let weightBefore, let weightGradient {
            #expect(relativeError(weightGradient, expected.weight.summedSegments(segments) + Table(weightBefore)) < 1e-6)
        }
        if let biasBefore, let biasGradient {
            #expect(relativeError(biasGradient, expected.bias.summedSegments(segments) + Table(biasBefore)) < 1e-6)
        }
    }

    @Test("backward replaces the input's gradient, in place too, with or without a weight's gradient", arguments: NormCase.all)
    func backwardInPlace(norm: NormCase) {
        for shape in NormCase.shapes {
            let fixture = NormFixture(norm, shape, workers: workers)
            let added = Matrix(rowCount: fixture.rowCount, columnCount: fixture.width)
            let replaced = unwrittenMatrix(fixture.rowCount, fixture.width)
            let gradients = (0..<3).map { _ in fixture.weight.map { Matrix(rowCount: 1, columnCount: $0.columnCount) } }
            fixture.backward(into: added, accumulate: true, weightGradient: gradients[0], biasGradient: nil)
            fixture.backward(into: replaced, accumulate: false, weightGradient: nil, biasGradient: nil)
            #expect(bits(replaced) == bits(added))
            let inPlace = FramedMatrix(fixture.outputGradient.inner)
            fixture.backward(
                inPlace.inner, into: inPlace.inner, accumulate: false, weightGradient: gradients[1], biasGradient: nil)
            #expect(bits(inPlace.inner) == bits(added) && inPlace.isIntact)
            fixture.backward(into: fixture.input.inner, accumulate: false, weightGradient: gradients[2], biasGradient: nil)
            #expect(bits(fixture.input.inner) == bits(added))
            for gradient in gradients { #expect(gradient.map(bits) == gradients[0].map(bits)) }
        }
    }

    @Test("gradients are the slopes of the output", arguments: NormCase.all, [MatrixShape(3, 7), MatrixShape(2, 9)])
    func slopes(norm: NormCase, shape: MatrixShape) {
        let fixture = NormFixture(norm, shape, workers: workers)
        let slope = Table(fixture.outputGradient.inner)
        let inputGradient = unwrittenMatrix(fixture.rowCount, fixture.width)
        let weightGradient = fixture.weight.map { Matrix(rowCount: 1, columnCount: $0.columnCount) }
        fixture.backward(into: inputGradient, accumulate: false, weightGradient: weightGradient, biasGradient: nil)
        let inputSlopes = numericalGradient(at: Table(fixture.input.inner)) { fixture.oracle.forward($0).dot(slope) }
        #expect(relativeError(inputGradient, inputSlopes) < 1e-6)
        guard let weight = fixture.weight, let weightGradient else { return }
        let weightSlopes = numericalGradient(at: Table(weight)) {
            NormOracle(
                norm.configuration, segmentCount: norm.segmentCount, width: fixture.width, weight: $0,
                bias: fixture.bias.map(Table.init)
            ).forward(Table(fixture.input.inner)).dot(slope)
        }
        #expect(relativeError(weightGradient, weightSlopes) < 1e-6)
    }

    @Test("epsilon counts where the input is small, and a row of zeros has a finite norm", arguments: NormCase.kinds)
    func epsilonCounts(configuration: NormConfiguration) {
        let fixture = NormFixture(NormCase(configuration: configuration), MatrixShape(4, 33), workers: workers)
        let input = fixture.input.inner
        Elementwise.scale(input, by: 1e-3, workers: workers)
        let output = unwrittenMatrix(4, 33)
        fixture.forward(into: output, statistics: fixture.makeStatistics())
        #expect(relativeError(output, fixture.oracle.forward(Table(input))) < 5e-7)
        input.fill(0)
        fixture.forward(into: output, statistics: fixture.makeStatistics())
        let expected = (0..<4).flatMap { _ in fixture.bias?.values ?? [Float](repeating: 0, count: 33) }
        #expect(output.values == expected)
    }

    @Test("a layer norm keeps the digits that the distance of the mean from zero leaves")
    func farMean() {
        let configuration = NormConfiguration(.layer, epsilon: 1e-5, weight: .none)
        let fixture = NormFixture(NormCase(configuration: configuration), MatrixShape(5, 1000), workers: workers)
        let input = fixture.input.inner
        for row in 0..<5 { for column in 0..<1000 { input[row, column] += 200 } }
        let output = unwrittenMatrix(5, 1000)
        fixture.forward(into: output, statistics: fixture.makeStatistics())
        // Half a digit of 200 is 7.6e-6, the deviation 0.58.
        #expect(relativeError(output, fixture.oracle.forward(Table(input))) < 7.6e-6 / 0.57)
    }

    private func copy(_ matrix: Matrix) -> Matrix {
        let result = unwrittenMatrix(matrix.rowCount, matrix.columnCount)
        result.copy(from: matrix)
        return result
    }
}
