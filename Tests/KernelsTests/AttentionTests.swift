import Tensors
import Testing

@testable import Kernels

/// Inputs of one attention call, and what the kernel makes of them.
struct AttentionRun {
    let shape: AttentionShape
    let segments: [Segment]
    let projections: Matrix
    let outputGradient: Matrix
    let output: Matrix
    let logSumExp: Matrix
    let gradient: Matrix
    let sinks: Matrix?
    /// `[1, G·J]`; stays zero without sinks.
    let sinkGradient: Matrix

    init(
        shape: AttentionShape, segments: [Segment], projections: Matrix, outputGradient: Matrix, sinks: Matrix? = nil,
        workers: Workers
    ) {
        self.shape = shape
        self.segments = segments
        self.projections = projections
        self.outputGradient = outputGradient
        let tokenCount = projections.rowCount
        output = unwrittenMatrix(tokenCount, shape.queryWidth)
        logSumExp = unwrittenMatrix(tokenCount, shape.headCount)
        gradient = unwrittenMatrix(tokenCount, shape.projectionWidth)
        self.sinks = sinks
        sinkGradient = Matrix(rowCount: 1, columnCount: shape.headCount)
        let attention = shape.attention(workers: workers)
        let plan = AttentionPlan(segments, window: shape.rules.window)
        attention.forward(projections, sinks: sinks, plan: plan, into: output, logSumExp: logSumExp)
        attention.backward(
            outputGradient, projections: projections, sinks: sinks, output: output, logSumExp: logSumExp, plan: plan,
            into: gradient, sinkGradient: sinkGradient)
    }

    /// With random inputs.
    init(
        shape: AttentionShape, layout: AxisLayout, scale: Double = 2, hasSinks: Bool = false, workers: Workers
    ) {
        self.init(
            shape: shape, segments: layout.segments,
            projections: randomMatrix(layout.tokenCount, shape.projectionWidth, scale: scale, seed: 1),
            outputGradient: randomMatrix(layout.tokenCount, shape.queryWidth, seed: 2),
            sinks: hasSinks ? randomMatrix(1, shape.headCount, scale: 3, seed: 3) : nil, workers: workers)
    }

    func expectAgreement(_ location: SourceLocation = #_sourceLocation) {
        let sinks = sinks.map { Table($0) }
        let (output, logSumExp) = Oracle.attention(Table(projections), segments: segments, shape: shape, sinks: sinks)
        #expect(relativeError(self.output, output) < 1e-6, sourceLocation: location)
        #expect(largestDifference(self.logSumExp.values.map(Double.init), logSumExp.values) < 3e-6, sourceLocation: location)
        let (gradient, sinkGradient) = Oracle.attentionBackward(
            Table(outputGradient), projections: Table(projections), segments: segments, shape: shape, sinks: sinks)
        #expect(gradientError(gradient) < 3e-6, sourceLocation: location)
        #expect(relativeError(self.sinkGradient, sinkGradient) < 3e-6, sourceLocation: location)
    }

    /// The largest relative error of the gradients of queries, keys and values against `expected`; of a part that is
    /// small or zero beside the others, as for a token that sees only itself, relative to a tenth of the whole.
    func gradientError(_ expected: Table) -> Double {
        let whole = euclideanNorm(expected.values)
        return shape.parts.map { part in
            relativeError(gradient.columns(part).values, expected.columns(part), floor: 0.1 * whole)
        }.max()!
    }
}

@Suite struct AttentionTests {
    private let workers = makeWorkers()

    private static let headShapes = [1, 2, 3].flatMap { groups in
        [1, 2, 3, 4].flatMap { heads in
            [2, 6, 8, 16, 64].map { AttentionShape(groupCount: groups, headsPerGroup: heads, headDimension: $0) }
        }
    }
    private static let shape = AttentionShape(groupCount: 2, headsPerGroup: 3, headDimension: 6)

    @Test("outputs, log-sum-exp and gradients are the oracle's for every layout of the axis", arguments: AxisLayout.all)
    func everyLayout(layout: AxisLayout) {
        AttentionRun(shape: Self.shape, layout: layout, workers: workers).expectAgreement()
    }

    @Test("outputs, log-sum-exp and gradients are the oracle's for every shape of heads", arguments: headShapes)
    func everyShape(shape: AttentionShape) {
        AttentionRun(shape: shape, layout: .small, workers: workers).expectAgreement()
    }

    /// Lengths beside those of a register tile (6 rows, 16 keys), a piece of queries (32 tokens) and a tile of keys (144).
    @Test(
        "lengths around the edges of tiles", arguments: [15, 16, 17, 31, 33, 48, 95, 97, 143, 144, 145, 160, 288, 290],
        [
            AttentionShape(groupCount: 1, headsPerGroup: 3, headDimension: 16),
            AttentionShape(groupCount: 2, headsPerGroup: 1, headDimension: 8),
        ])
    func tileEdges(count: Int, shape: AttentionShape) {
        AttentionRun(shape: shape, layout: AxisLayout(.document(count)), workers: workers).expectAgreement()
        let pair = AxisLayout(.prompt(count, completions: [count - 1, 7]))
        AttentionRun(shape: shape, layout: pair, workers: workers).expectAgreement()
    }

    @Test("head dimensions below, at and above a panel's 16 columns", arguments: [1, 5, 8, 16, 24, 64, 80, 128])
    func headDimensions(dimension: Int) {
        let shape = AttentionShape(groupCount: 2, headsPerGroup: 2, headDimension: dimension)
        let layout = AxisLayout(.prompt(20, completions: [150, 5]))
        AttentionRun(shape: shape, layout: layout, scale: 1, workers: workers).expectAgreement()
    }

    @Test("more heads a group than a piece has rows")
    func manyHeads() {
        let shape = AttentionShape(groupCount: 1, headsPerGroup: 150, headDimension: 4)
        AttentionRun(shape: shape, layout: AxisLayout(.document(20)), workers: workers).expectAgreement()
    }

    /// Units that are cut into several tasks, whose gradients of keys are added up.
    @Test(
        "long units are cut into tasks and agree with the oracle",
        arguments: [
            AxisLayout(.document(1000)), AxisLayout(.prompt(400, completions: [300, 250, 10])),
            AxisLayout(.document(3), .prompt(50, completions: [500, 1, 490]), .document(520)),
        ])
    func longUnits(layout: AxisLayout) {
        #expect(AttentionPlan(layout.segments).partialRowCount > 0)
        let shape = AttentionShape(groupCount: 2, headsPerGroup: 2, headDimension: 8)
        AttentionRun(shape: shape, layout: layout, scale: 1, workers: workers).expectAgreement()
    }

    @Test("tokens that continue a document give what they give in the whole", arguments: [(199, 1), (100, 60), (0, 9)])
    func continuing(cached: Int, count: Int) {
        let shape = AttentionShape(groupCount: 2, headsPerGroup: 3, headDimension: 16)
        let projections = randomMatrix(cached + count, shape.projectionWidth, scale: 2, seed: 5)
        let (output, logSumExp) = (unwrittenMatrix(count, shape.queryWidth), unwrittenMatrix(count, shape.headCount))
        shape.attention(workers: workers).forward(
            projections, plan: AttentionPlan(continuing: cached, count: count), into: output, logSumExp: logSumExp,
            firstQuery: cached)
        let whole = Oracle.attention(
            Table(projections), segments: [Segment(range: 0..<(cached + count))], shape: shape)
        let rows = cached..<(cached + count)
        let expected = rows.flatMap { row in (0..<shape.queryWidth).map { whole.output[row, $0] } }
        #expect(relativeError(output.values, expected) < 1e-6)
        let expectedSums = rows.flatMap { row in (0..<shape.headCount).map { whole.logSumExp[row, $0] } }
        #expect(largestDifference(logSumExp.values.map(Double.init), expectedSums) < 3e-6)
    }

    @Test("rows of the gradient that belong to no segment are zeros")
    func uncoveredRows() {
        let shape = Self.shape
        let run = AttentionRun(
            shape: shape, segments: [Segment(range: 2..<9)],
            projections: randomMatrix(11, shape.projectionWidth, seed: 1),
            outputGradient: randomMatrix(11, shape.queryWidth, seed: 2), workers: workers)
        #expect(isFinite(run.gradient.values))
        for row in [0, 1, 9, 10] { #expect((0..<shape.projectionWidth).allSatisfy { run.gradient[row, $0] == 0 }) }
    }

    @Test("large head counts cross several blocks")
    func largeShape() {
        let shape = AttentionShape(groupCount: 3, headsPerGroup: 3, headDimension: 64)
        let layout = AxisLayout(.prompt(66, completions: [70, 20]))
        AttentionRun(shape: shape, layout: layout, scale: 1, workers: workers).expectAgreement()
    }

    @Test(
        "gradients are the slopes of the output",
        arguments: [
            AxisLayout(.document(6)), AxisLayout(.document(2), .document(5)),
            AxisLayout(.prompt(1, completions: [2, 3])), AxisLayout(.prompt(4, completions: [3, 2]), .document(2)),
        ], [(1, 1), (1, 3), (2, 2)])
    func slopes(layout: AxisLayout, groupsAndHeads: (Int, Int)) {
        let shape = AttentionShape(
            groupCount: groupsAndHeads.0, headsPerGroup: groupsAndHeads.1, headDimension: 6)
        let run = AttentionRun(shape: shape, layout: layout, workers: workers)
        let slope = Table(run.outputGradient)
        let slopes = numericalGradient(at: Table(run.projections)) {
            Oracle.attention($0, segments: layout.segments, shape: shape).output.dot(slope)
        }
        #expect(run.gradientError(slopes) < 3e-6)
    }

    @Test("large scores stay finite and near the oracle")
    func largeScores() {
        let layout = AxisLayout(.prompt(9, completions: [70, 3]))
        let run = AttentionRun(shape: Self.shape, layout: layout, scale: 12, workers: workers)
        let (output, _) = Oracle.attention(Table(run.projections), segments: run.segments, shape: run.shape)
        #expect(relativeError(run.output, output) < 3e-5)
        #expect(isFinite(run.gradient.values))
    }

    /// A pair laid out with a shared prompt, and the same pair as two documents that each begin with the prompt.
    @Test(
        "a shared prompt gives what the prompt laid out twice gives",
        arguments: [(1, 5, 3), (17, 8, 9), (64, 64, 1), (70, 65, 130)])
    func prefixSharing(prompt: Int, chosen: Int, rejected: Int) {
        let shape = Self.shape
        let shared = AttentionRun(
            shape: shape, layout: AxisLayout(.prompt(prompt, completions: [chosen, rejected])), workers: workers)
        // Rows of the shared layout in the order of the other one.
        let rejectedRows = (prompt + chosen)..<(prompt + chosen + rejected)
        let order = Array(0..<(prompt + chosen)) + Array(0..<prompt) + Array(rejectedRows)
        let secondPrompt = (prompt + chosen)..<(prompt + chosen + prompt)
        let projections = gathered(shared.projections, order)
        let outputGradient = gathered(shared.outputGradient, order)
        outputGradient.rows(secondPrompt).fill(0)
        let twice = AttentionRun(
            shape: shape, segments: AxisLayout(.document(prompt + chosen), .document(prompt + rejected)).segments,
            projections: projections, outputGradient: outputGradient, workers: workers)

        #expect(relativeError(twice.output, Table(gathered(shared.output, order))) < 1e-6)
        let logSumExp = gathered(shared.logSumExp, order).values.map(Double.init)
        #expect(largestDifference(twice.logSumExp.values.map(Double.init), logSumExp) < 3e-6)
        var sum = Table(rowCount: shared.gradient.rowCount, columnCount: shape.projectionWidth)
        for (row, source) in order.enumerated() {
            for column in 0..<shape.projectionWidth { sum[source, column] += Double(twice.gradient[row, column]) }
        }
        #expect(shared.gradientError(sum) < 1e-6)
    }

    private func gathered(_ matrix: Matrix, _ rows: [Int]) -> Matrix {
        let result = unwrittenMatrix(rows.count, matrix.columnCount)
        for (target, source) in rows.enumerated() {
            result.rows(target..<(target + 1)).copy(from: matrix.rows(source..<(source + 1)))
        }
        return result
    }

    @Test("rows of one unit keep their bits whatever lies beside them on the axis")
    func unitsAreIndependent() {
        let pair = AxisLayout.Piece.prompt(33, completions: [70, 9])
        let alone = AttentionRun(shape: Self.shape, layout: AxisLayout(pair), workers: workers)
        let packed = AxisLayout(.document(21), pair, .prompt(3, completions: [2, 2]))
        let rows = 21..<(21 + alone.projections.rowCount)
        // The neighbours are NaN: one of them read anywhere would show.
        let projections = unwrittenMatrix(packed.tokenCount, Self.shape.projectionWidth)
        projections.rows(rows).copy(from: alone.projections)
        let outputGradient = unwrittenMatrix(packed.tokenCount, Self.shape.queryWidth)
        outputGradient.rows(rows).copy(from: alone.outputGradient)
        let beside = AttentionRun(
            shape: Self.shape, segments: packed.segments, projections: projections, outputGradient: outputGradient,
            workers: workers)
        #expect(bits(beside.output.rows(rows)) == bits(alone.output))
        #expect(bits(beside.logSumExp.rows(rows)) == bits(alone.logSumExp))
        #expect(bits(beside.gradient.rows(rows)) == bits(alone.gradient))
    }

    @Test("one attention object serves plans of different sizes one after the other")
    func reuse() {
        let shape = Self.shape
        let attention = shape.attention(workers: workers)
        for layout in [AxisLayout(.document(9)), AxisLayout(.document(150)), AxisLayout(.document(9))] {
            let fresh = AttentionRun(shape: shape, layout: layout, workers: workers)
            let output = unwrittenMatrix(layout.tokenCount, shape.queryWidth)
            attention.forward(
                fresh.projections, plan: AttentionPlan(layout.segments), into: output,
                logSumExp: unwrittenMatrix(layout.tokenCount, shape.headCount))
            #expect(bits(output) == bits(fresh.output))
        }
        #expect(attention.projectionWidth == shape.projectionWidth && attention.outputWidth == shape.queryWidth)
    }
}
