import Tensors
import Testing

@testable import Kernels

@Suite struct AttentionPlanTests {
    private static let windows = [nil, 1, 7, 64, 100, 100_000]

    @Test("every token is a query of one block and sees what the axis says", arguments: AxisLayout.all, windows)
    func coverage(layout: AxisLayout, window: Int?) {
        let plan = AttentionPlan(layout.segments, window: window)
        let visible = Oracle.visibleKeys(layout.segments, window: window)
        var queries: [Int] = []
        var seen: [[Int]] = []
        for block in plan.units.flatMap(\.blocks) {
            for (index, query) in block.queries.enumerated() {
                queries.append(query)
                let keys = Array(block.prefix) + Array(block.own)
                seen.append(keys.prefix(block.place(of: query) + 1).suffix(block.visibleKeyCount(query: index)))
            }
        }
        let order = queries.indices.sorted { queries[$0] < queries[$1] }
        #expect(order.map { queries[$0] } == Array(0..<layout.tokenCount))
        #expect(order.map { seen[$0] } == visible)
        #expect(plan.visiblePairCount == visible.reduce(0) { $0 + $1.count })
        #expect(plan.units.count == layout.pieces.count)
    }

    private static let longLayouts = [
        AxisLayout(.document(1000)), AxisLayout(.document(9000)), AxisLayout(.prompt(400, completions: [300, 250, 10])),
        AxisLayout(.prompt(20, completions: Array(repeating: 90, count: 200)), .document(600)),
    ]

    @Test(
        "tasks share out every block, none much heavier than the others of its unit", arguments: AxisLayout.all + longLayouts,
        windows)
    func tasks(layout: AxisLayout, window: Int?) {
        let plan = AttentionPlan(layout.segments, window: window)
        let queries = plan.tasks.flatMap { $0.blocks.flatMap(\.queries) }
        #expect(queries.sorted() == Array(0..<layout.tokenCount))
        #expect(plan.tasks.map(\.pairCount) == plan.tasks.map(\.pairCount).sorted(by: >))
        #expect(plan.tasks.reduce(0) { $0 + $1.pairCount } == plan.visiblePairCount)
        for unit in plan.units {
            let tokens = Set(unit.blocks.flatMap(\.queries))
            let tasks = plan.tasks.filter { tokens.contains($0.blocks[0].queries.lowerBound) }
            #expect(tasks.count <= AttentionPlan.maximumTasksPerUnit)
            let total = tasks.reduce(0) { $0 + $1.pairCount }
            let step = AttentionPlan.taskGranularity * min(unit.blocks.map(\.keyCount).max()!, window ?? .max)
            #expect(tasks.allSatisfy { $0.pairCount <= total / tasks.count + 2 * step })
        }
    }

    @Test(
        "every task has the keys that its blocks see, and shared keys are summed once", arguments: AxisLayout.all + longLayouts,
        windows)
    func keys(layout: AxisLayout, window: Int?) {
        let plan = AttentionPlan(layout.segments, window: window)
        var packed: [Int: Int] = [:]
        for span in plan.packs {
            #expect(span.row % 16 == 0 && span.row + span.tokens.count <= plan.packedRowCount)
            for (index, token) in span.tokens.enumerated() { packed[span.row + index] = token }
        }
        #expect(packed.values.sorted() == Array(0..<layout.tokenCount))
        for task in plan.tasks {
            for (block, place) in zip(task.blocks, task.places) {
                let keys = block.keys(seenFrom: block.queries)
                for (tokens, place) in [(keys.prefix, place.prefix), (keys.own, place.own)] where !tokens.isEmpty {
                    #expect(
                        task.spans.contains { span in
                            span.tokens.lowerBound <= tokens.lowerBound && span.tokens.upperBound >= tokens.upperBound
                                && span.row == span.tokens.lowerBound + place.gradientOffset
                        })
                    #expect((tokens.lowerBound + place.packedOffset) % 16 == 0)
                    #expect(tokens.allSatisfy { packed[$0 + place.packedOffset] == $0 })
                }
            }
            for (span, next) in zip(task.spans, task.spans.dropFirst()) {
                #expect(span.row + span.tokens.count <= next.row)
            }
            #expect(task.spans.last!.row + task.spans.last!.tokens.count <= task.keyRowCount)
            #expect(task.keyRowCount <= plan.maximumKeyRowCount)
        }
        var sums = [Int: Int]()
        for task in plan.tasks where task.partialRow != nil {
            for span in task.spans { for token in span.tokens { sums[token, default: 0] += 1 } }
        }
        for sum in plan.keySums {
            for token in sum.tokens { sums[token, default: 0] -= sum.parts.count }
        }
        #expect(sums.values.allSatisfy { $0 == 0 })
        let paddedCount = layout.tokenCount + 16 * (layout.segments.count + 1)
        #expect(plan.partialRowCount <= AttentionPlan.maximumTasksPerUnit * paddedCount)
    }

    @Test("visible pairs of a stretch are counted as one by one", arguments: [1, 2, 7, 40], [0, 1, 6, 30])
    func visiblePairs(queries: Int, prefix: Int) {
        for window in [1, 2, 5, 6, 7, 8, 30, 37, 69, 70, 71, 1000] {
            let expected = (0..<queries).reduce(0) { $0 + min(window, prefix + $1 + 1) }
            #expect(AttentionPlan.visiblePairs(queries: queries, prefix: prefix, window: window) == expected)
        }
        let all = (0..<queries).reduce(0) { $0 + prefix + $1 + 1 }
        #expect(AttentionPlan.visiblePairs(queries: queries, prefix: prefix, window: nil) == all)
    }

    @Test(
        "the partial rows of a document are at most the number that the memory model counts",
        arguments: [500, 600, 1000, 4097, 20_000])
    func partialRows(count: Int) {
        for window in [nil, 1, 64, 100, 500, 1000, 5000, count / 2, count, 3 * count] {
            let plan = AttentionPlan([Segment(range: 0..<count)], window: window)
            let pairs = AttentionPlan.visiblePairs(queries: count, prefix: 0, window: window)
            for known in [nil, window] {
                let bound = AttentionPlan.partialRowCount(queries: count, prefix: 0, visiblePairs: pairs, window: known)
                #expect(plan.partialRowCount <= bound, "window \(window ?? 0)")
            }
        }
    }

    @Test("empty segments leave no work, and an empty prefix is none")
    func emptySegments() {
        let segments = [
            Segment(range: 0..<0), Segment(range: 0..<3, prefix: 0..<0), Segment(range: 3..<3, prefix: 0..<3),
            Segment(range: 3..<5),
        ]
        let plan = AttentionPlan(segments)
        #expect(plan.units.count == 2)
        #expect(plan.visiblePairCount == 6 + 3)
        #expect(AttentionPlan([]).units.isEmpty)
    }

    @Test("a window without a key is refused")
    func emptyWindow() async {
        await #expect(processExitsWith: .failure) { _ = AttentionPlan([Segment(range: 0..<5)], window: 0) }
    }

    @Test("a prefix that is not one whole earlier segment is refused: its keys would belong to two units")
    func wrongPrefix() async {
        await #expect(processExitsWith: .failure) {
            _ = AttentionPlan([
                Segment(range: 0..<5), Segment(range: 5..<8), Segment(range: 8..<10, prefix: 0..<8),
            ])
        }
        await #expect(processExitsWith: .failure) {
            _ = AttentionPlan([Segment(range: 0..<5, prefix: 5..<8), Segment(range: 5..<8)])
        }
    }
}
