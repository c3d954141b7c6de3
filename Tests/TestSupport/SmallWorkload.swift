import Costs
import Model
import Settings

/// 2 blocks, width 64, 4 heads of 16 in 2 groups, 160 feed-forward columns, 512 tokens, tied: 512·64 + 2·(2·64·64 + 2·64·32 +
/// 3·64·160 + 2·64) + 64 = 119,104 parameters.
public let smallModel = ModelConfiguration(
    family: .llama, vocabularySize: 512, hiddenSize: 64, feedForwardSize: 160, layerCount: 2, headCount: 4,
    keyValueHeadCount: 2, headDimension: 16, ropeTheta: 10_000, normEpsilon: 1e-5, tiedEmbeddings: true,
    projectionBias: false, maximumPositions: 256, initializerRange: 0.02)

/// The workload of two texts of 100 tokens.
public let texts = StepWorkload(
    segments: [.init(queries: 100), .init(queries: 100)], scored: [.init(queries: 99), .init(queries: 99)])
