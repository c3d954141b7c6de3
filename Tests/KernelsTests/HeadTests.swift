import Foundation
import Tensors
import Testing

@testable import Kernels

@Suite struct HeadTests {
    private let workers = makeWorkers()

    /// The head over each of `ranges`, as that many tensor ranks would run it.
    private func parts(_ head: HeadCase, _ ranges: [Range<Int>]) -> [PartialRowStatistics] {
        ranges.map { range in
            head.makeHead(workers).forward(
                head.hidden, weight: .floats(head.weight.rows(range)), bias: head.settings.bias(range), range: range,
                targets: head.targets)
        }
    }

    private func statistics(
        _ head: HeadCase, _ ranges: [Range<Int>]
    ) -> (rows: [RowStatistics], logProbabilities: [Double]) {
        combine(parts(head, ranges), targetRows: head.targetRows, vocabularySize: head.vocabularySize)
    }

    private func expectAgreement(
        _ found: (rows: [RowStatistics], logProbabilities: [Double]),
        _ expected: (rows: [RowStatistics], logProbabilities: [Double]), tolerance: Double,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        func difference(_ value: (RowStatistics) -> Double) -> Double {
            largestDifference(found.rows.map(value), expected.rows.map(value))
        }
        let logProbability = largestDifference(found.logProbabilities, expected.logProbabilities)
        #expect(logProbability < tolerance, sourceLocation: sourceLocation)
        #expect(difference(\.logSumExp) < tolerance, sourceLocation: sourceLocation)
        #expect(difference(\.entropy) < tolerance, sourceLocation: sourceLocation)
        #expect(difference(\.meanLogit) < tolerance, sourceLocation: sourceLocation)
        #expect(difference(\.sumOfSquaredProbabilities) < tolerance, sourceLocation: sourceLocation)
        #expect(found.rows.map(\.mostProbable) == expected.rows.map(\.mostProbable), sourceLocation: sourceLocation)
    }

    @Test("every statistic is the oracle's, the vocabulary whole or in uneven parts", arguments: HeadCase.all)
    func forward(head: HeadCase) {
        let expected = Oracle.head(head)
        for split in head.splits { expectAgreement(statistics(head, split), expected, tolerance: 5e-6) }
    }

    @Test("extreme logits stay finite and near the oracle", arguments: [5, 37, 2049])
    func extremeLogits(vocabularySize: Int) {
        let head = HeadCase(rowCount: 40, width: 1, vocabularySize: vocabularySize, hiddenScale: 80)
        head.hidden[0, 0] = 80
        head.hidden[1, 0] = -80
        head.weight[0, 0] = 1
        head.weight[vocabularySize - 1, 0] = -1
        let expected = Oracle.head(head)
        #expect(expected.logProbabilities.min()! < -70)
        for split in head.splits { expectAgreement(statistics(head, split), expected, tolerance: 3e-5) }
    }

    @Test("of equally probable tokens the lowest is the arg-max, within a range and across ranges")
    func ties() {
        let head = HeadCase(rowCount: 9, width: 3, vocabularySize: 37)
        // Tokens 11, 12, 20 and 36 lie far along each hidden row's own direction in turn.
        for row in 0..<9 {
            for token in [11, 12, 20, 36] {
                for column in 0..<3 { head.weight[token, column] = 100 * head.hidden[row, column] }
            }
            for split in head.splits + [[0..<12, 12..<20, 20..<37], [0..<11, 11..<37]] {
                #expect(statistics(head, split).rows[row].mostProbable == 11)
            }
        }
    }

    @Test("weights in a file's type give the bits of the same weights as floats", arguments: StoredPlacement.all)
    func storedWeights(placement: StoredPlacement) {
        let stored = randomStoredMatrix(2100, 9, type: placement.type, byteOffset: placement.byteOffset, seed: 4)
        let head = HeadCase(rowCount: 33, width: 9, vocabularySize: 2100)
        let results = [WeightView.stored(stored), .floats(floats(of: stored))].map { weight in
            let part = Head(workers: workers).forward(
                head.hidden, weight: weight, range: 0..<2100, targets: head.targets)
            return combine([part], targetRows: head.targetRows, vocabularySize: 2100)
        }
        #expect(results[0].rows == results[1].rows)
        #expect(results[0].logProbabilities == results[1].logProbabilities)
        #expect(isFinite(results[0].logProbabilities))
    }

    @Test("a row's numbers depend on neither its targets nor their order")
    func targetsChangeNothing() {
        let head = HeadCase(rowCount: 33, width: 17, vocabularySize: 512)
        let none = Head(workers: workers).forward(
            head.hidden, weight: .floats(head.weight), range: 0..<512,
            targets: HeadTargets(rows: [], tokens: [], rowCount: 33))
        let reversed = HeadTargets(rows: head.targetRows.reversed(), tokens: head.targetTokens.reversed(), rowCount: 33)
        let other = Head(workers: workers).forward(
            head.hidden, weight: .floats(head.weight), range: 0..<512, targets: reversed)
        let found = statistics(head, [0..<512])
        #expect(combine([none], targetRows: [], vocabularySize: 512).rows == found.rows)
        let otherOrder = combine([other], targetRows: head.targetRows.reversed(), vocabularySize: 512)
        #expect(Array(otherOrder.logProbabilities.reversed()) == found.logProbabilities)
    }
}

@Suite struct HeadBackwardTests {
    private let workers = makeWorkers()

    /// Gradients as the tensor ranks of `ranges` get them: the hidden rows' summed, the weight's one below the other, the
    /// bias's side by side.
    ///
    /// - Parameter before: `[V, D]`, the weight's gradient beforehand. Its first column is the bias's gradient beforehand.
    private func gradients(
        _ head: HeadCase, _ ranges: [Range<Int>], before: Matrix
    ) -> (hidden: Table, weight: Matrix, bias: Matrix) {
        let parts = ranges.map { range in
            head.makeHead(workers).forward(
                head.hidden, weight: .floats(head.weight.rows(range)), bias: head.settings.bias(range), range: range,
                targets: head.targets)
        }
        let rows = combine(parts, targetRows: head.targetRows, vocabularySize: head.vocabularySize).rows
        var hiddenGradient = Table(rowCount: head.rowCount, columnCount: head.width)
        let weightGradient = unwrittenMatrix(head.vocabularySize, head.width)
        weightGradient.copy(from: before)
        let biasGradient = firstColumn(before)
        for range in ranges {
            let share = unwrittenMatrix(head.rowCount, head.width)
            head.makeHead(workers).backward(
                head.hidden, weight: head.weight.rows(range), bias: head.settings.bias(range), range: range,
                targets: head.targets, logSumExp: rows.map(\.logSumExp), gradients: head.gradients, hiddenGradient: share,
                weightGradient: weightGradient.rows(range), biasGradient: biasGradient.columns(range))
            hiddenGradient = hiddenGradient + Table(share)
        }
        return (hiddenGradient, weightGradient, biasGradient)
    }

    @Test("gradients are the oracle's, the vocabulary whole or in uneven parts", arguments: HeadCase.all)
    func backward(head: HeadCase) {
        let expected = Oracle.headBackward(head)
        let before = randomMatrix(head.vocabularySize, head.width, seed: 5)
        for split in head.splits {
            let found = gradients(head, split, before: before)
            #expect(relativeError(found.hidden.values.map { Float($0) }, expected.hidden.values) < 2e-6)
            #expect(relativeError(found.weight, expected.weight + Table(before)) < 2e-6)
            #expect(relativeError(found.bias, expected.bias + Table(firstColumn(before))) < 2e-6)
        }
    }

    @Test(
        "gradients are the slopes of Σ g·log p",
        arguments: [
            HeadCase(rowCount: 6, width: 3, vocabularySize: 5), HeadCase(rowCount: 4, width: 9, vocabularySize: 17),
            HeadCase(rowCount: 4, width: 9, vocabularySize: 17, hasBias: true),
            HeadCase(rowCount: 4, width: 9, vocabularySize: 17, hiddenScale: 3, softCap: 5),
            HeadCase(rowCount: 4, width: 9, vocabularySize: 17, hiddenScale: 3, hasBias: true, softCap: 5),
            HeadCase(rowCount: 4, width: 9, vocabularySize: 17, hiddenScale: 3, hasBias: true, softCap: 30),
        ])
    func slopes(head: HeadCase) {
        func loss(hidden: Table, weight: Table, bias: Table) -> Double {
            let found = Oracle.head(
                hidden: hidden, weight: weight, bias: bias, softCap: head.settings.softCap, targetRows: head.targetRows,
                targetTokens: head.targetTokens)
            return zip(found.logProbabilities, head.gradients).reduce(0) { $0 + $1.0 * Double($1.1) }
        }
        let (hidden, weight) = (Table(head.hidden), Table(head.weight))
        let bias = Table(head.settings.bias ?? Matrix(rowCount: 1, columnCount: head.vocabularySize))
        let hiddenSlopes = numericalGradient(at: hidden) { loss(hidden: $0, weight: weight, bias: bias) }
        let weightSlopes = numericalGradient(at: weight) { loss(hidden: hidden, weight: $0, bias: bias) }
        let biasSlopes = numericalGradient(at: bias) { loss(hidden: hidden, weight: weight, bias: $0) }
        let zeros = Matrix(rowCount: head.vocabularySize, columnCount: head.width)
        for split in head.splits {
            let found = gradients(head, split, before: zeros)
            #expect(relativeError(found.hidden.values.map { Float($0) }, hiddenSlopes.values) < 2e-6)
            #expect(relativeError(found.weight, weightSlopes) < 2e-6)
            #expect(relativeError(found.bias, biasSlopes) < 2e-6)
        }
    }

    @Test("a row without targets has no gradient")
    func rowsWithoutTargets() {
        let head = HeadCase(rowCount: 12, width: 9, vocabularySize: 37)
        let zeros = Matrix(rowCount: 37, columnCount: 9)
        let found = gradients(head, [0..<37], before: zeros)
        let silent = (0..<12).filter { !head.targetRows.contains($0) }
        #expect(silent == [3, 7, 11])
        for row in 0..<12 {
            let isZero = (0..<9).allSatisfy { found.hidden[row, $0] == 0 }
            #expect(isZero == silent.contains(row))
        }
    }

    @Test("without scored rows nothing is learnt and nothing changes")
    func noRows() {
        let weight = randomMatrix(37, 9, seed: 6)
        let before = randomMatrix(37, 9, seed: 7)
        let weightGradient = unwrittenMatrix(37, 9)
        weightGradient.copy(from: before)
        let nothing = Matrix(rowCount: 0, columnCount: 9)
        let targets = HeadTargets(rows: [], tokens: [], rowCount: 0)
        let part = Head(workers: workers).forward(nothing, weight: .floats(weight), range: 0..<37, targets: targets)
        #expect(combine([part], targetRows: [], vocabularySize: 37).rows.isEmpty)
        Head(workers: workers).backward(
            nothing, weight: weight, range: 0..<37, targets: targets, logSumExp: [], gradients: [],
            hiddenGradient: nothing, weightGradient: weightGradient)
        #expect(bits(weightGradient) == bits(before))
    }

    @Test("extreme logits have finite gradients near the oracle's")
    func extremeLogits() {
        let head = HeadCase(rowCount: 40, width: 1, vocabularySize: 37, hiddenScale: 80)
        let expected = Oracle.headBackward(head)
        let zeros = Matrix(rowCount: 37, columnCount: 1)
        for split in head.splits {
            let found = gradients(head, split, before: zeros)
            #expect(relativeError(found.hidden.values.map { Float($0) }, expected.hidden.values) < 3e-5)
            #expect(relativeError(found.weight, expected.weight) < 3e-5)
        }
    }
}
