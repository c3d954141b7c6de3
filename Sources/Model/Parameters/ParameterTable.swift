import Settings

/// The parameters of a model in a fixed order, and the index of each one.
public struct ParameterTable: Sendable {
    /// Indices of one transformer block's parameters.
    struct Block: Sendable {
        var attentionNorm, query, key, value, output: Int
        var queryBias, keyBias, valueBias: Int?
        var feedForwardNorm, gate, up, down: Int
    }

    public let specifications: [ParameterSpecification]
    let embedding: Int
    let blocks: [Block]
    let finalNorm: Int
    /// The head's index: the embedding's index if the head is tied to the embedding.
    let head: Int

    /// Number of the model's own parameters. The additional parameters behind them are not part of the model's checkpoint.
    public let modelParameterCount: Int

    /// - Parameter additional: names and shapes of further matrices that are trained with the model, replicated on every rank.
    ///   They start from N(0, 1 / columns), so that a product keeps the length of a row on average.
    public init(_ configuration: ModelConfiguration, additional: [(name: String, rowCount: Int, columnCount: Int)] = []) {
        var builder = Builder(width: configuration.hiddenSize, standardDeviation: configuration.initializerRange)
        embedding = builder.matrix(
            "model.embed_tokens.weight", configuration.vocabularySize, configuration.hiddenSize, .rows(.vocabulary))
        blocks = (0..<configuration.layerCount).map { builder.block($0, configuration) }
        finalNorm = builder.norm("model.norm.weight")
        head =
            configuration.tiedEmbeddings
            ? embedding
            : builder.matrix("lm_head.weight", configuration.vocabularySize, configuration.hiddenSize, .rows(.vocabulary))
        modelParameterCount = builder.specifications.count
        for matrix in additional {
            builder.standardDeviation = 1 / Double(matrix.columnCount).squareRoot()
            _ = builder.matrix(matrix.name, matrix.rowCount, matrix.columnCount, .replicated)
        }
        specifications = builder.specifications
    }

    public var names: Set<String> { Set(specifications.map(\.name)) }

    private struct Builder {
        let width: Int
        /// Of the matrices that follow.
        var standardDeviation: Double
        var specifications: [ParameterSpecification] = []

        mutating func matrix(_ name: String, _ rows: Int, _ columns: Int, _ cut: ParameterSpecification.Cut) -> Int {
            add(
                ParameterSpecification(
                    name: name, rowCount: rows, columnCount: columns, isVector: false,
                    initialisation: .normal(standardDeviation: standardDeviation), cut: cut))
        }

        mutating func norm(_ name: String) -> Int {
            add(
                ParameterSpecification(
                    name: name, rowCount: 1, columnCount: width, isVector: true, initialisation: .ones, cut: .replicated))
        }

        mutating func bias(_ name: String, _ count: Int, _ axis: ShardAxis) -> Int {
            add(
                ParameterSpecification(
                    name: name, rowCount: 1, columnCount: count, isVector: true, initialisation: .zeros, cut: .columns(axis)))
        }

        private mutating func add(_ specification: ParameterSpecification) -> Int {
            specifications.append(specification)
            return specifications.count - 1
        }

        mutating func block(_ layer: Int, _ model: ModelConfiguration) -> Block {
            let prefix = "model.layers.\(layer)."
            let attention = prefix + "self_attn."
            let queryWidth = model.headCount * model.headDimension
            let keyWidth = model.keyValueHeadCount * model.headDimension
            let biased = model.projectionBias
            return Block(
                attentionNorm: norm(prefix + "input_layernorm.weight"),
                query: matrix(attention + "q_proj.weight", queryWidth, width, .rows(.queryHeads)),
                key: matrix(attention + "k_proj.weight", keyWidth, width, .rows(.keyValueHeads)),
                value: matrix(attention + "v_proj.weight", keyWidth, width, .rows(.keyValueHeads)),
                output: matrix(attention + "o_proj.weight", width, queryWidth, .columns(.queryHeads)),
                queryBias: biased ? bias(attention + "q_proj.bias", queryWidth, .queryHeads) : nil,
                keyBias: biased ? bias(attention + "k_proj.bias", keyWidth, .keyValueHeads) : nil,
                valueBias: biased ? bias(attention + "v_proj.bias", keyWidth, .keyValueHeads) : nil,
                feedForwardNorm: norm(prefix + "post_attention_layernorm.weight"),
                gate: matrix(prefix + "mlp.gate_proj.weight", model.feedForwardSize, width, .rows(.feedForward)),
                up: matrix(prefix + "mlp.up_proj.weight", model.feedForwardSize, width, .rows(.feedForward)),
                down: matrix(prefix + "mlp.down_proj.weight", width, model.feedForwardSize, .columns(.feedForward)))
        }
    }
}
