import Settings
import Testing

@testable import Model

private let smollm2 = ModelConfiguration(
    family: .llama, vocabularySize: 49_152, hiddenSize: 576, feedForwardSize: 1536, layerCount: 30, headCount: 9,
    keyValueHeadCount: 3, headDimension: 64, ropeTheta: 100_000, normEpsilon: 1e-5, tiedEmbeddings: true,
    projectionBias: false, maximumPositions: 8192, initializerRange: 0.02)

@Suite struct ModelShardingTests {
    @Test("nine heads in three groups run on two ranks, feed-forward columns are halved")
    func smollm2OnTwoRanks() {
        let sharding = ModelSharding(smollm2, size: 2)
        #expect(sharding.keyValueHeads == [0..<2, 2..<3])
        #expect(sharding.feedForwardColumns == [0..<768, 768..<1536])
        #expect(sharding.vocabularyRows == [0..<24_576, 24_576..<49_152])
        #expect(sharding.range(of: .queryHeads, rank: 1) == 384..<576)
        #expect(sharding.range(of: .keyValueHeads, rank: 1) == 128..<192)
    }

    @Test("parts cover every axis without gaps", arguments: [1, 2, 3], [509, 512])
    func coverage(size: Int, vocabulary: Int) {
        var configuration = smollm2
        configuration.vocabularySize = vocabulary
        configuration.feedForwardSize = 107
        let sharding = ModelSharding(configuration, size: size)
        for parts in [sharding.keyValueHeads, sharding.feedForwardColumns, sharding.vocabularyRows] {
            #expect(parts.first?.lowerBound == 0)
            for (left, right) in zip(parts, parts.dropFirst()) { #expect(left.upperBound == right.lowerBound) }
        }
        #expect(sharding.keyValueHeads.last?.upperBound == 3)
        #expect(sharding.feedForwardColumns.last?.upperBound == 107)
        #expect(sharding.vocabularyRows.last?.upperBound == vocabulary)
    }

    @Test(
        "feed-forward columns are cut between vector registers of 16 where there are many, else anywhere",
        arguments: [
            // 11 registers: 6 and 5. 178 is no multiple of 16; 48 are 3 registers.
            (176, [0..<96, 96..<176]), (178, [0..<89, 89..<178]), (48, [0..<24, 24..<48]),
        ])
    func registers(columns: Int, parts: [Range<Int>]) {
        var configuration = smollm2
        configuration.feedForwardSize = columns
        #expect(ModelSharding(configuration, size: 2).feedForwardColumns == parts)
    }

    @Test("SmolLM2's table holds 134,515,008 parameters in 272 tensors")
    func parameterCount() {
        let table = ParameterTable(smollm2)
        #expect(table.specifications.count == 272)
        #expect(table.specifications.reduce(0) { $0 + $1.rowCount * $1.columnCount } == 134_515_008)
        #expect(smollm2.parameterCount == 134_515_008)
        #expect(table.head.weight == table.embedding.tokens)
    }

    @Test("norm weights and biases are spared decay, matrices are not")
    func decay() {
        var configuration = smollm2
        configuration.projectionBias = true
        for specification in ParameterTable(configuration).specifications {
            let isSpared = specification.name.contains("norm") || specification.name.hasSuffix("bias")
            #expect(specification.decays == !isSpared)
        }
    }
}
