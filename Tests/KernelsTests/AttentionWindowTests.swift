import Tensors
import Testing

@testable import Kernels

// T tokens, W window, G key/value heads, J query heads a group, E head dimension, R stacked rows of a piece.

/// A query sees itself and the W − 1 keys before it, those of its prefix included.
@Suite struct AttentionWindowTests {
    private let workers = makeWorkers()
    private static let shape = AttentionShape(groupCount: 2, headsPerGroup: 3, headDimension: 6)
    /// Windows below, at and above a register tile (6 rows, 16 keys), a piece of queries (32 tokens) and a tile of keys (144).
    private static let windows = [1, 2, 7, 16, 31, 64, 100, 145, 1000]

    @Test("outputs, log-sum-exp and gradients are the oracle's for every window", arguments: AxisLayout.all, windows)
    func everyWindow(layout: AxisLayout, window: Int) {
        let shape = Self.shape.with(AttentionRules(window: window))
        AttentionRun(shape: shape, layout: layout, workers: workers).expectAgreement()
    }

    @Test(
        "outputs, log-sum-exp and gradients are the oracle's for every number of heads a group", arguments: [1, 2, 4, 7, 40],
        [1, 7, 40, 150])
    func everyShape(headsPerGroup: Int, window: Int) {
        let shape = AttentionShape(
            groupCount: 2, headsPerGroup: headsPerGroup, headDimension: 20, rules: AttentionRules(window: window))
        let layout = AxisLayout(.document(headsPerGroup < 8 ? 170 : 25), .prompt(21, completions: [30, 9]))
        AttentionRun(shape: shape, layout: layout, scale: 1, workers: workers).expectAgreement()
    }

    @Test("more heads a group than a piece has rows")
    func manyHeads() {
        let shape = AttentionShape(groupCount: 1, headsPerGroup: 150, headDimension: 4, rules: AttentionRules(window: 7))
        AttentionRun(shape: shape, layout: AxisLayout(.document(40)), workers: workers).expectAgreement()
    }

    @Test(
        "long units are cut into tasks and agree with the oracle",
        arguments: [AxisLayout(.document(1500)), AxisLayout(.prompt(700, completions: [600, 10, 350]))], [100, 257, 640])
    func longUnits(layout: AxisLayout, window: Int) {
        #expect(AttentionPlan(layout.segments, window: window).partialRowCount > 0)
        let shape = AttentionShape(
            groupCount: 1, headsPerGroup: 2, headDimension: 8, rules: AttentionRules(window: window))
        AttentionRun(shape: shape, layout: layout, scale: 1, workers: workers).expectAgreement()
    }

    @Test("a window that hides nothing gives the bits of full attention", arguments: AxisLayout.all)
    func wideWindow(layout: AxisLayout) {
        let full = AttentionRun(shape: Self.shape, layout: layout, workers: workers)
        let wide = AttentionRun(shape: Self.shape.with(AttentionRules(window: 500)), layout: layout, workers: workers)
        #expect(bits(wide.output) == bits(full.output) && bits(wide.logSumExp) == bits(full.logSumExp))
        #expect(bits(wide.gradient) == bits(full.gradient))
    }

    @Test("a window of one key gives each token's own value")
    func ownValue() {
        let shape = AttentionShape(groupCount: 1, headsPerGroup: 1, headDimension: 16, rules: AttentionRules(window: 1))
        let run = AttentionRun(shape: shape, layout: AxisLayout(.document(200)), workers: workers)
        #expect(bits(run.output) == bits(run.projections.columns(shape.parts[2])))
    }

    @Test(
        "gradients are the slopes of the output",
        arguments: [
            AxisLayout(.document(6)), AxisLayout(.prompt(1, completions: [2, 3])),
            AxisLayout(.prompt(4, completions: [3, 2]), .document(2)),
        ], [1, 2, 4])
    func slopes(layout: AxisLayout, window: Int) {
        let shape = AttentionShape(groupCount: 2, headsPerGroup: 2, headDimension: 6, rules: AttentionRules(window: window))
        let run = AttentionRun(shape: shape, layout: layout, workers: workers)
        let slope = Table(run.outputGradient)
        let slopes = numericalGradient(at: Table(run.projections)) {
            Oracle.attention($0, segments: layout.segments, shape: shape).output.dot(slope)
        }
        #expect(run.gradientError(slopes) < 3e-6)
    }

    /// Keys that lie sixteen or more in front of every window are NaN: nothing may read them.
    @Test(
        "tokens that continue a document give what they give in the whole, and no key in front of the window is read",
        arguments: [(199, 1), (100, 60), (0, 9), (700, 3)], [1, 7, 64, 100, 1000])
    func continuing(lengths: (Int, Int), window: Int) {
        let (cached, count) = lengths
        let shape = AttentionShape(groupCount: 2, headsPerGroup: 3, headDimension: 16, rules: AttentionRules(window: window))
        let projections = randomMatrix(cached + count, shape.projectionWidth, scale: 2, seed: 5)
        let whole = Oracle.attention(Table(projections), segments: [Segment(range: 0..<(cached + count))], shape: shape)
        projections.rows(0..<max(0, cached - window - 15)).fill(.nan)
        let (output, logSumExp) = (unwrittenMatrix(count, shape.queryWidth), unwrittenMatrix(count, shape.headCount))
        let plan = AttentionPlan(continuing: cached, count: count, window: window)
        shape.attention(workers: workers).forward(
            projections, plan: plan, into: output, logSumExp: logSumExp, firstQuery: cached)
        let rows = cached..<(cached + count)
        let expected = rows.flatMap { row in (0..<shape.queryWidth).map { whole.output[row, $0] } }
        #expect(relativeError(output.values, expected) < 1e-6)
        let expectedSums = rows.flatMap { row in (0..<shape.headCount).map { whole.logSumExp[row, $0] } }
        #expect(largestDifference(logSumExp.values.map(Double.init), expectedSums) < 3e-6)
        #expect(plan.packedRowCount <= window + count + 30)
    }

    /// The keys of `tiles` times the rows of their pieces: the products that forward computes at most.
    private func visitedPairs(_ plan: AttentionPlan, _ attention: Attention) -> Int {
        let scratch = AttentionScratch(attention.sizes, keepsSlopes: false)
        var pairs = 0
        for task in plan.tasks {
            attention.forEachPiece(task) { piece, block, place in
                attention.forEachTile(piece, block, place, scratch) { pairs += $0.keyCount * $0.rowCount }
            }
        }
        return pairs
    }

    @Test("a long text costs as many pairs of rows and keys as its windows, at any length", arguments: [1, 64, 512])
    func cost(window: Int) {
        let attention = AttentionShape(groupCount: 1, headsPerGroup: 3, headDimension: 16).attention(workers: workers)
        // A piece of 32 tokens sees its tokens, the keys of the first one's window, and less than a panel before these.
        let most = attention.headsPerGroup * (window + attention.sizes.tokenLimit + 15)
        for count in [2048, 8192, 32_768] {
            let plan = AttentionPlan([Segment(range: 0..<count)], window: window)
            #expect(visitedPairs(plan, attention) <= count * most)
            #expect(plan.visiblePairCount == count * window - window * (window - 1) / 2)
            // Partial gradients of keys: each task's own tokens and one window more.
            #expect(plan.partialRowCount <= count + plan.tasks.count * (window + 64))
            let selected = AttentionPlan([Segment(range: 0..<count)], queriesAt: [count - 1], window: window)
            #expect(visitedPairs(selected, attention) <= most && selected.packedRowCount <= window + 30)
        }
    }

    @Test("completions see no more of a long prompt than their windows")
    func promptCost() {
        let attention = AttentionShape(groupCount: 1, headsPerGroup: 1, headDimension: 16).attention(workers: workers)
        let segments = AxisLayout(.prompt(9000, completions: [300, 200])).segments
        let plan = AttentionPlan(segments, queriesAt: Array(9000..<9500), window: 100)
        #expect(plan.visiblePairCount == 500 * 100)
        #expect(visitedPairs(plan, attention) <= 500 * (100 + attention.sizes.tokenLimit + 31))
        #expect(plan.packs.allSatisfy { $0.tokens.lowerBound >= 9000 - 99 - 15 })
    }
}
