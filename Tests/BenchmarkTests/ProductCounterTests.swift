import Benchmarks
import Settings
import Testing

@Suite struct ProductCounterTests {
    /// 2 blocks, width 4, 2 heads of 2 in one group, 6 feed-forward columns, 10 tokens of vocabulary.
    private let counter = ProductCounter(
        ModelConfiguration(
            family: .llama, vocabularySize: 10, hiddenSize: 4, feedForwardSize: 6, layerCount: 2, headCount: 2,
            keyValueHeadCount: 1, headDimension: 2, ropeTheta: 10_000, normEpsilon: 1e-5, tiedEmbeddings: true,
            projectionBias: false, maximumPositions: 64, initializerRange: 0.02))
    /// A prompt of 3 tokens and a completion of 2, whose rows are scored: 6 + 9 visible pairs.
    private let workload = StepWorkload(segments: [.init(queries: 3), .init(queries: 2, prefix: 3)], scoredRows: 2)

    @Test func forwardIsTheHandCalculation() {
        // A block: query 2·5·4·4, key and value 2·5·4·2 each, output 2·5·4·4, gate and up 2·5·4·6 each, down 2·5·6·4.
        let linear = 2 * (160 + 2 * 80 + 160 + 2 * 240 + 240)
        // A block: scores and values, 2·15 pairs·2 elements each, for 2 heads.
        let attention = 2 * (2 * 15 * 2) * 2
        // 2 rows, 10 tokens, width 4.
        let head = 2 * 2 * 10 * 4
        #expect(workload.segments.map(\.visiblePairs) == [6, 9])
        #expect(counter.forward(workload).operations == Double(linear + 2 * attention + head))
        #expect(linear == 2400 && 2 * attention == 480 && head == 160)
    }

    @Test func backwardIsTwiceForward() {
        #expect(counter.backward(workload).operations == 2 * counter.forward(workload).operations)
    }

    @Test func productsAreOfTheirOwnShape() {
        let forward = counter.forward(workload)
        #expect(forward.contains(RequiredProduct(.forward, m: 5, n: 2, k: 4, count: 4)))
        #expect(forward.contains(RequiredProduct(.forward, m: 2, n: 10, k: 4)))
        // The gradients of the gate and up layers: dx[5, 4] = dy[5, 6] · W[6, 4], dW[6, 4] = dyᵀ · x.
        let backward = counter.backward(workload)
        #expect(backward.contains(RequiredProduct(.inputGradient, m: 5, n: 4, k: 6, count: 4)))
        #expect(backward.contains(RequiredProduct(.weightGradient, m: 6, n: 4, k: 5, count: 4)))
    }

    @Test func promptIsCountedOnce() {
        let shared = StepWorkload(
            segments: [.init(queries: 3), .init(queries: 2, prefix: 3), .init(queries: 2, prefix: 3)], scoredRows: 3)
        let twice = StepWorkload(segments: [.init(queries: 5), .init(queries: 5)], scoredRows: 3)
        #expect(shared.tokens == 7 && twice.tokens == 10)
        #expect(counter.forward(shared).operations < counter.forward(twice).operations)
    }

    @Test func smolLM2HasItsParameters() {
        #expect(BenchmarkModel.medium.configuration.parameterCount == 134_515_008)
        #expect(BenchmarkModel.medium.studentLayers == [0, 3, 6, 9, 12, 15, 18, 21, 24, 27])
    }
}
