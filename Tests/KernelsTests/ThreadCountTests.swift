import Settings
import Tensors
import Testing

@testable import Kernels

/// Kernels are cut into tasks by shape alone, so the number of threads changes no bit.
@Suite struct ThreadCountTests {
    private static let threadCounts = [2, 3, 5]
    private let alone = makeWorkers(1)

    /// Whether `kernel` gives the same finite bits on a pool of `threadCount` threads as on one, several times.
    private func givesSameBits(_ threadCount: Int, _ kernel: (Workers) -> [Double]) -> Bool {
        let expected = kernel(alone)
        guard isFinite(expected) else { return false }
        let workers = makeWorkers(threadCount)
        return (0..<3).allSatisfy { _ in kernel(workers).map(\.bitPattern) == expected.map(\.bitPattern) }
    }

    /// Exact, so that different floats are different doubles.
    private func elements(_ matrices: Matrix...) -> [Double] { matrices.flatMap { $0.values.map(Double.init) } }

    @Test("linear forward and backward", arguments: threadCounts)
    func linear(threadCount: Int) {
        let input = randomMatrix(600, 65, seed: 1)
        let weight = randomMatrix(300, 65, seed: 2)
        let outputGradient = randomMatrix(600, 300, seed: 3)
        #expect(
            givesSameBits(threadCount) { workers in
                let output = unwrittenMatrix(600, 300)
                let inputGradient = unwrittenMatrix(600, 65)
                let weightGradient = Matrix(rowCount: 300, columnCount: 65)
                Linear.forward(input, weight: weight, into: output, workers: workers)
                Linear.backwardInput(outputGradient, weight: weight, into: inputGradient, workers: workers)
                Linear.backwardWeight(outputGradient, input: input, into: weightGradient, workers: workers)
                return elements(output, inputGradient, weightGradient)
            })
    }

    @Test("norm forward and backward", arguments: threadCounts)
    func norm(threadCount: Int) {
        let input = randomMatrix(600, 33, seed: 4)
        let weight = randomMatrix(1, 33, seed: 5)
        let outputGradient = randomMatrix(600, 33, seed: 6)
        #expect(
            givesSameBits(threadCount) { workers in
                let output = unwrittenMatrix(600, 33)
                let inverseRoot = unwrittenMatrix(600, 1)
                let inputGradient = Matrix(rowCount: 600, columnCount: 33)
                let weightGradient = Matrix(rowCount: 1, columnCount: 33)
                let norm = Normalization(NormConfiguration(epsilon: 1e-5))
                norm.forward(input, weight: weight, bias: nil, into: output, statistics: inverseRoot, workers: workers)
                norm.backward(
                    outputGradient, input: input, weight: weight, statistics: inverseRoot, into: inputGradient, accumulate: true,
                    weightGradient: weightGradient, biasGradient: nil, scratch: ScratchMatrix(), workers: workers)
                return elements(output, inverseRoot, inputGradient, weightGradient)
            })
    }

    @Test("attention forward and backward", arguments: threadCounts)
    func attention(threadCount: Int) {
        let shape = AttentionShape(groupCount: 3, headsPerGroup: 2, headDimension: 16)
        let layout = AxisLayout(.document(30), .prompt(65, completions: [70, 9]), .document(100))
        #expect(
            givesSameBits(threadCount) { workers in
                let run = AttentionRun(shape: shape, layout: layout, workers: workers)
                return elements(run.output, run.logSumExp, run.gradient)
            })
    }

    @Test("attention over units that are cut into tasks", arguments: threadCounts)
    func longAttention(threadCount: Int) {
        let shape = AttentionShape(groupCount: 2, headsPerGroup: 3, headDimension: 16)
        let layout = AxisLayout(.document(900), .prompt(300, completions: [200, 80]))
        #expect(
            givesSameBits(threadCount) { workers in
                let run = AttentionRun(shape: shape, layout: layout, scale: 1, workers: workers)
                return elements(run.output, run.logSumExp, run.gradient)
            })
    }

    @Test("attention with a window, a soft cap and sinks", arguments: threadCounts)
    func windowedAttention(threadCount: Int) {
        let shape = AttentionShape(
            groupCount: 2, headsPerGroup: 3, headDimension: 16, rules: AttentionRules(window: 150, softCap: 5))
        let layout = AxisLayout(.document(1200), .prompt(600, completions: [500, 80]))
        #expect(
            givesSameBits(threadCount) { workers in
                let run = AttentionRun(shape: shape, layout: layout, scale: 1, hasSinks: true, workers: workers)
                return elements(run.output, run.logSumExp, run.gradient, run.sinkGradient)
            })
    }

    @Test("head forward and backward", arguments: threadCounts)
    func head(threadCount: Int) {
        let head = HeadCase(rowCount: 600, width: 17, vocabularySize: 2049)
        #expect(
            givesSameBits(threadCount) { workers in
                let kernel = Head(workers: workers)
                let part = kernel.forward(
                    head.hidden, weight: .floats(head.weight), range: 0..<2049, targets: head.targets)
                let found = combine([part], targetRows: head.targetRows, vocabularySize: 2049)
                let hiddenGradient = unwrittenMatrix(600, 17)
                let weightGradient = Matrix(rowCount: 2049, columnCount: 17)
                kernel.backward(
                    head.hidden, weight: head.weight, range: 0..<2049, targets: head.targets,
                    logSumExp: found.rows.map(\.logSumExp), gradients: head.gradients, hiddenGradient: hiddenGradient,
                    weightGradient: weightGradient)
                let statistics = found.rows.flatMap {
                    [$0.logSumExp, $0.entropy, $0.meanLogit, $0.sumOfSquaredProbabilities, Double($0.mostProbable)]
                }
                return elements(hiddenGradient, weightGradient) + statistics + found.logProbabilities
            })
    }

    @Test("head beside frozen models", arguments: threadCounts, HeadRoute.allCases)
    func distributions(threadCount: Int, route: HeadRoute) {
        let models = Models(rowCount: 601, width: 17, vocabularySize: 2301, teacherWidths: [9, 5], sharedVocabulary: 2290)
        let losses = DivergenceCase.few.map(\.loss)
        #expect(
            givesSameBits(threadCount) { workers in
                let run = DistributionRun(
                    models, losses: losses, ranges: models.splits[1], weights: rowWeights(601), workers: workers,
                    route: route)
                let rows = run.rows.joined().flatMap { row in
                    [row.policyLogSumExp] + row.sums
                        + row.references.flatMap { [$0.entropy, $0.forwardDivergence, $0.reverseDivergence] }
                }
                return elements(run.weightGradient) + run.hiddenGradient.values + Array(run.losses.joined()) + rows
            })
    }

    @Test("activation, rotary, embedding and elementwise", arguments: threadCounts)
    func tokenwise(threadCount: Int) {
        let first = randomMatrix(600, 34, seed: 7)
        let second = randomMatrix(600, 34, seed: 8)
        let tokens = (0..<600).map { Int32($0 * 7 % 41) }
        let rotary = Rotary(RotaryConfiguration(theta: 10_000, dimension: 34), headDimension: 34, positionCount: 41)
        #expect(
            givesSameBits(threadCount) { workers in
                let output = unwrittenMatrix(600, 34)
                let gradients = (unwrittenMatrix(600, 34), unwrittenMatrix(600, 34))
                GatedActivation(.silu).forward(gate: first, up: second, into: output, workers: workers)
                GatedActivation(.silu).backward(
                    output, gate: first, up: second, gateGradient: gradients.0, upGradient: gradients.1, workers: workers)
                rotary.forward(output, positions: tokens, workers: workers)
                let embedded = unwrittenMatrix(600, 34)
                let table = Matrix(rowCount: 30, columnCount: 34)
                Embedding.backward(gradients.0, tokens: tokens, range: 5..<35, into: table, workers: workers)
                Embedding.forward(tokens, table: .floats(table), range: 5..<35, into: embedded, workers: workers)
                Elementwise.add(output, to: embedded, workers: workers)
                let squares = Elementwise.sumOfSquares(embedded, workers: workers)
                return elements(embedded, gradients.1) + [squares]
            })
    }

    @Test("an optimizer step", arguments: threadCounts)
    func optimizer(threadCount: Int) {
        #expect(
            givesSameBits(threadCount) { workers in
                let values = randomMatrix(300, 33, seed: 9)
                let first = Matrix(rowCount: 300, columnCount: 33)
                let second = Matrix(rowCount: 300, columnCount: 33)
                AdamW(beta1: 0.9, beta2: 0.95, epsilon: 1e-8).update(
                    values: values, gradient: randomMatrix(300, 33, seed: 10), firstMoment: first, secondMoment: second,
                    step: 1, learningRate: 0.1, weightDecay: 0.1, gradientScale: 0.5, workers: workers)
                return elements(values, first, second)
            })
    }
}
