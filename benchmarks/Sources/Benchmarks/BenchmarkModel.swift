import Foundation
import JSON
import Model
import Settings
import Tensors
import Weights

/// The models of the benchmark. All are Llama models with a tied head. Their weights are random, so nothing is downloaded.
public enum BenchmarkModel: String, CaseIterable, JSONRepresentable, Sendable {
    case small = "30M"
    /// The shape of SmolLM2-135M.
    case medium = "135M"
    /// The shape of SmolLM2-360M.
    case large = "360M"
    /// For tests: a step takes milliseconds.
    case tiny

    public var configuration: ModelConfiguration {
        switch self {
        case .tiny: shape(hidden: 64, feedForward: 160, layers: 4, heads: 4, keyValueHeads: 2, head: 16, vocabulary: 512)
        case .small: shape(hidden: 384, feedForward: 1024, layers: 7, heads: 6, keyValueHeads: 3)
        case .medium: shape(hidden: 576, feedForward: 1536, layers: 30, heads: 9, keyValueHeads: 3)
        case .large: shape(hidden: 960, feedForward: 2560, layers: 32, heads: 15, keyValueHeads: 5)
        }
    }

    /// The layers of the student in the distillation step: every third block, starting with the first.
    public var studentLayers: [Int] { Array(stride(from: 0, to: configuration.layerCount, by: 3)) }

    private func shape(
        hidden: Int, feedForward: Int, layers: Int, heads: Int, keyValueHeads: Int, head: Int = 64,
        vocabulary: Int = 49152
    ) -> ModelConfiguration {
        ModelConfiguration(
            family: .llama, vocabularySize: vocabulary, hiddenSize: hidden, feedForwardSize: feedForward,
            layerCount: layers, headCount: heads, keyValueHeadCount: keyValueHeads, headDimension: head,
            ropeTheta: 100_000, normEpsilon: 1e-5, tiedEmbeddings: true, projectionBias: false, maximumPositions: 8192,
            initializerRange: 0.02)
    }

    /// `config.json` of the shape.
    public var json: String { configuration.json }
}

/// Models with random weights in any shape.
extension ModelConfiguration {
    /// `config.json` of the shape.
    var json: String { String(decoding: HuggingFaceConfiguration.json(for: self, elementType: .float32), as: UTF8.self) }

    /// Writes a Hugging Face folder with random weights in float32.
    func exportRandom(to folder: String, seed: UInt64 = 17) throws(Failure) {
        let specifications = ParameterTable(self).specifications
        let source = RandomParameters(configuration: self, seed: seed)
        var export = try HuggingFaceExport(
            to: folder, configurationJSON: Data(json.utf8),
            tensors: specifications.map { .init(name: $0.name, elementType: .float32, shape: $0.shape) })
        for specification in specifications {
            let drawn = try source.matrix(
                named: specification.name, rowCount: specification.rowCount, columnCount: specification.columnCount)
            try export.append(drawn.asFloats!, to: specification.name)
        }
        try export.commit()
    }
}
