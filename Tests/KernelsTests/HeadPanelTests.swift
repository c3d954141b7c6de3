import Tensors
import Testing

@testable import Kernels

@Suite struct HeadPanelTests {
    /// Statistics and gradients as the tensor ranks of `ranges` get them, panel after panel.
    private func run(
        _ head: HeadCase, _ ranges: [Range<Int>], panels: [Range<Int>], before: Matrix, threads: Int = 2
    ) -> (rows: [RowStatistics], logProbabilities: [Double], hidden: Table, weight: Matrix, bias: Matrix) {
        let heads = ranges.map { _ in head.makeHead(makeWorkers(threads)) }
        let shares = ranges.map { _ in unwrittenMatrix(head.rowCount, head.width) }
        let weightGradient = unwrittenMatrix(head.vocabularySize, head.width)
        weightGradient.copy(from: before)
        let biasGradient = firstColumn(before)
        var rows: [RowStatistics] = []
        var logProbabilities = [Double](repeating: .nan, count: head.targetRows.count)
        for panel in panels {
            let (targets, indices) = head.targets.part(panel)
            let parts = zip(heads, ranges).map { kernel, range in
                kernel.forwardPanel(
                    head.hidden.rows(panel), weight: head.weight.rows(range), bias: head.settings.bias(range), range: range,
                    targets: targets
                ).statistics
            }
            let whole = combine(parts, targetRows: targets.rows, vocabularySize: head.vocabularySize)
            rows += whole.rows
            for (index, value) in zip(indices, whole.logProbabilities) { logProbabilities[index] = value }
            for (rank, range) in ranges.enumerated() {
                heads[rank].backwardPanel(
                    head.hidden.rows(panel), weight: head.weight.rows(range), range: range, targets: targets,
                    logSumExp: whole.rows.map(\.logSumExp), gradients: indices.map { head.gradients[$0] },
                    hiddenGradient: shares[rank].rows(panel), weightGradient: weightGradient.rows(range),
                    biasGradient: biasGradient.columns(range))
            }
        }
        let hidden = shares.reduce(Table(rowCount: head.rowCount, columnCount: head.width)) { $0 + Table($1) }
        return (rows, logProbabilities, hidden, weightGradient, biasGradient)
    }

    @Test("panels give the oracle's values and gradients, the vocabulary whole or in uneven parts", arguments: HeadCase.all)
    func agreement(head: HeadCase) {
        let expected = Oracle.head(head)
        let gradients = Oracle.headBackward(head)
        let before = randomMatrix(head.vocabularySize, head.width, seed: 5)
        let cut = head.rowCount / 3
        for panels in [[0..<head.rowCount], [0..<cut, cut..<head.rowCount]] {
            for split in head.splits {
                let found = run(head, split, panels: panels, before: before)
                #expect(largestDifference(found.logProbabilities, expected.logProbabilities) < 5e-6)
                #expect(largestDifference(found.rows.map(\.entropy), expected.rows.map(\.entropy)) < 5e-6)
                #expect(found.rows.map(\.mostProbable) == expected.rows.map(\.mostProbable))
                #expect(relativeError(found.hidden.values.map { Float($0) }, gradients.hidden.values) < 2e-6)
                #expect(relativeError(found.weight, gradients.weight + Table(before)) < 2e-6)
                #expect(relativeError(found.bias, gradients.bias + Table(firstColumn(before))) < 2e-6)
            }
        }
    }

    @Test("the number of threads changes no bit")
    func threads() {
        let head = HeadCase(rowCount: 70, width: 24, vocabularySize: 5000, hasBias: true, softCap: 5)
        let before = randomMatrix(5000, 24, seed: 5)
        let results = [1, 2, 3].map { run(head, [0..<5000], panels: [0..<70], before: before, threads: $0) }
        for result in results {
            #expect(result.rows == results[0].rows)
            #expect(result.hidden.values == results[0].hidden.values)
            #expect(bits(result.weight) == bits(results[0].weight))
            #expect(bits(result.bias) == bits(results[0].bias))
        }
    }

    @Test("panels cover all rows in order, and their logits stay within their bound", arguments: [1, 37, 512, 2048, 5000])
    func panels(rowCount: Int) {
        for columnCount in [5, 49_152, 151_936] {
            let panels = Head.panels(rowCount: rowCount, columnCount: columnCount)
            #expect(panels.flatMap { Array($0) } == Array(0..<rowCount))
            #expect(panels.allSatisfy { $0.count * columnCount <= 24 << 20 && $0.count <= 2048 })
        }
        #expect(Head.panels(rowCount: 0, columnCount: 49_152).isEmpty)
    }
}
