import Costs
import Model
import Settings
import TestSupport
import Testing

@Suite struct ProductCounterTests {
    /// 2 blocks, width 4, 2 heads of 2 in one group, 6 feed-forward columns, 10 tokens of vocabulary.
    private let counter = ProductCounter(
        ModelConfiguration(
            family: .llama, vocabularySize: 10, hiddenSize: 4, feedForwardSize: 6, layerCount: 2, headCount: 2,
            keyValueHeadCount: 1, headDimension: 2, ropeTheta: 10_000, normEpsilon: 1e-5, tiedEmbeddings: true,
            projectionBias: false, maximumPositions: 64, initializerRange: 0.02))
    /// A prompt of 3 tokens and a completion of 2, each token of which is predicted: 6 + 9 visible pairs, and in the last
    /// block 3 of the prompt's last token and 4 of the completion's first.
    private let workload = StepWorkload(
        segments: [.init(queries: 3), .init(queries: 2, prefix: 3)],
        scored: [.init(queries: 1, prefix: 2), .init(queries: 1, prefix: 3)])

    @Test func forwardIsTheHandCalculation() {
        // The first block: query 2·5·4·4, key and value 2·5·4·2 each, output 2·5·4·4, gate and up 2·5·4·6 each, down 2·5·6·4.
        let first = 160 + 2 * 80 + 160 + 2 * 240 + 240
        // The last one: keys and values as before, all else for 2 rows.
        let last = 2 * 80 + 64 + 64 + 2 * 96 + 96
        // Scores and values, 2·pairs·2 elements each, for 2 heads.
        let attention = 2 * (2 * 15 * 2) * 2 + 2 * (2 * 7 * 2) * 2
        // 2 rows, 10 tokens, width 4.
        let head = 2 * 2 * 10 * 4
        #expect(workload.segments.map(\.visiblePairs) == [6, 9] && workload.scored.map(\.visiblePairs) == [3, 4])
        #expect(workload.scoredRows == 2)
        #expect(counter.forward(workload).operations == Double(first + last + attention + head))
        #expect(first == 1200 && last == 576 && attention == 352 && head == 160)
    }

    @Test func visiblePairsAreCountedOneByOne() {
        for (queries, prefix) in [(1, 0), (5, 0), (9, 4), (3, 20), (40, 7)] {
            let segment = StepWorkload.Segment(queries: queries, prefix: prefix)
            for window in [1, 3, 4, 5, 12, 13, 100] {
                // Query p sees key j where 0 ≤ p − j < window.
                let places = prefix..<(prefix + queries)
                let pairs = places.flatMap { place in
                    (0..<(prefix + queries)).filter { 0 <= place - $0 && place - $0 < window }
                }
                #expect(segment.visiblePairs(window: window) == pairs.count)
            }
            #expect(segment.visiblePairs(window: nil) == segment.visiblePairs)
        }
    }

    @Test func backwardIsTwiceForward() {
        #expect(counter.backward(workload).operations == 2 * counter.forward(workload).operations)
    }

    @Test func productsAreOfTheirOwnShape() {
        let forward = counter.forward(workload)
        #expect(forward.contains(RequiredProduct(.forward, m: 5, n: 2, k: 4, count: 2)))
        #expect(forward.contains(RequiredProduct(.forward, m: 2, n: 10, k: 4)))
        // The gradients of the gate and up layers: dx[5, 4] = dy[5, 6] · W[6, 4], dW[6, 4] = dyᵀ · x.
        let backward = counter.backward(workload)
        #expect(backward.contains(RequiredProduct(.inputGradient, m: 5, n: 4, k: 6, count: 2)))
        #expect(backward.contains(RequiredProduct(.weightGradient, m: 6, n: 4, k: 5, count: 2)))
    }

    @Test func promptIsCountedOnce() {
        let shared = StepWorkload(
            segments: [.init(queries: 3), .init(queries: 2, prefix: 3), .init(queries: 2, prefix: 3)],
            scored: [.init(queries: 3, prefix: 1)])
        let twice = StepWorkload(segments: [.init(queries: 5), .init(queries: 5)], scored: [.init(queries: 3, prefix: 1)])
        #expect(shared.tokens == 7 && twice.tokens == 10)
        #expect(counter.forward(shared).operations < counter.forward(twice).operations)
    }

    /// 4 heads in 2 groups and 6 columns, in two shares of nothing but whole groups.
    @Test func sharesOfTensorRanksAddUpToTheWhole() {
        let model = ModelConfiguration(
            family: .llama, vocabularySize: 10, hiddenSize: 8, feedForwardSize: 6, layerCount: 3, headCount: 4,
            keyValueHeadCount: 2, headDimension: 2, ropeTheta: 10_000, normEpsilon: 1e-5, tiedEmbeddings: true,
            projectionBias: false, maximumPositions: 64, initializerRange: 0.02)
        let sharding = ModelSharding(model, size: 2)
        let shares = (0..<2).map { ProductCounter(sharding, rank: $0) }
        for part in ProductCounter.Part.allCases {
            let sum = shares.reduce(0) { $0 + $1.forward(part, workload).operations }
            #expect(sum == ProductCounter(model).forward(part, workload).operations)
        }
    }
}
