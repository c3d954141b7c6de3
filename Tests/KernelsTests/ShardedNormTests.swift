import Settings
import Tensors
import Testing

@testable import Kernels

/// Two ranks are two ranges of columns, and the sum of their sums is the all-reduce.
@Suite struct ShardedNormTests {
    private let workers = makeWorkers()
    private static let weights: [NormConfiguration.Weight] = [.none, .plain, .onePlus]
    private static let cuts = [(7, 0), (1, 8), (9, 63), (130, 63), (64, 32)].map { Cut(first: $0.0, second: $0.1) }

    struct Cut: Sendable, CustomTestStringConvertible {
        var first, second: Int

        var testDescription: String { "\(first) and \(second) columns" }
        var ranges: [Range<Int>] { [0..<first, first..<(first + second)].filter { !$0.isEmpty } }
    }

    @Test("the parts of a row give the norm and the gradients of the whole row", arguments: weights, cuts)
    func parts(weight: NormConfiguration.Weight, cut: Cut) {
        for rowCount in [0, 3, 67] {
            let configuration = NormConfiguration(epsilon: 1e-5, weight: weight)
            let width = cut.first + cut.second
            let fixture = NormFixture(NormCase(configuration: configuration), MatrixShape(rowCount, width), workers: workers)
            let (output, statistics) = forward(fixture, cut)
            #expect(relativeError(output.inner, fixture.oracle.forward(Table(fixture.input.inner))) < 5e-7)
            let inputGradient = FramedMatrix(fixture.outputGradient.inner)
            let weightGradient = fixture.weight.map { Matrix(rowCount: 1, columnCount: $0.columnCount) }
            backward(fixture, cut, statistics, inputGradient.inner, weightGradient)
            let expected = fixture.oracle.backward(Table(fixture.outputGradient.inner), Table(fixture.input.inner))
            #expect(relativeError(inputGradient.inner, expected.input, floor: expected.size) < 1e-6)
            if let weightGradient { #expect(relativeError(weightGradient, expected.weight) < 1e-6) }
            #expect(output.isIntact && inputGradient.isIntact)
        }
    }

    @Test("one rank gives the bits of a norm of whole rows", arguments: weights)
    func oneRank(weight: NormConfiguration.Weight) {
        let configuration = NormConfiguration(epsilon: 1e-5, weight: weight)
        let fixture = NormFixture(NormCase(configuration: configuration), MatrixShape(70, 63), workers: workers)
        let cut = Cut(first: 63, second: 0)
        let (output, statistics) = forward(fixture, cut)
        let whole = unwrittenMatrix(70, 63)
        fixture.forward(into: whole, statistics: fixture.makeStatistics())
        #expect(bits(output.inner) == bits(whole))
        #expect(bits(statistics[0]) == bits(fixture.statistics()))
        let gradients = [FramedMatrix(fixture.outputGradient.inner).inner, FramedMatrix(fixture.outputGradient.inner).inner]
        let weightGradients = gradients.map { _ in fixture.weight.map { Matrix(rowCount: 1, columnCount: $0.columnCount) } }
        backward(fixture, cut, statistics, gradients[0], weightGradients[0])
        fixture.backward(
            gradients[1], into: gradients[1], accumulate: false, weightGradient: weightGradients[1], biasGradient: nil)
        #expect(bits(gradients[0]) == bits(gradients[1]))
        #expect(weightGradients[0].map(bits) == weightGradients[1].map(bits))
    }

    private func forward(_ fixture: NormFixture, _ cut: Cut) -> (output: FramedMatrix, statistics: [Matrix]) {
        let output = FramedMatrix(unwrittenMatrix(fixture.rowCount, fixture.width))
        let sums = allReduced(
            cut.ranges.map { columns in
                let sums = unwrittenMatrix(fixture.rowCount, 1)
                Normalization.sumOfSquares(fixture.input.inner.columns(columns), into: sums, workers: workers)
                return sums
            })
        let statistics = cut.ranges.map { columns in
            let statistics = fixture.makeStatistics()
            fixture.norm.forward(
                fixture.input.inner.columns(columns), weight: fixture.weight?.columns(columns), sums: sums,
                totalWidth: fixture.width, into: output.inner.columns(columns), statistics: statistics, workers: workers)
            return statistics
        }
        return (output, statistics)
    }

    /// In place over `gradient`.
    private func backward(
        _ fixture: NormFixture, _ cut: Cut, _ statistics: [Matrix], _ gradient: Matrix, _ weightGradient: Matrix?
    ) {
        let ranges = Array(zip(cut.ranges, statistics))
        let sums = allReduced(
            ranges.map { columns, statistics in
                let sums = unwrittenMatrix(fixture.rowCount, 1)
                fixture.norm.sumOfProducts(
                    gradient.columns(columns), input: fixture.input.inner.columns(columns),
                    weight: fixture.weight?.columns(columns), statistics: statistics, into: sums,
                    weightGradient: weightGradient?.columns(columns), scratch: ScratchMatrix(), workers: workers)
                return sums
            })
        for (columns, statistics) in ranges {
            fixture.norm.backward(
                gradient.columns(columns), input: fixture.input.inner.columns(columns),
                weight: fixture.weight?.columns(columns), statistics: statistics, sums: sums, totalWidth: fixture.width,
                into: gradient.columns(columns), accumulate: false, workers: workers)
        }
    }

    private func allReduced(_ parts: [Matrix]) -> Matrix {
        for part in parts.dropFirst() { Elementwise.add(part, to: parts[0], workers: workers) }
        return parts[0]
    }
}
