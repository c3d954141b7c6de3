import Settings

/// The layers of a model, and the list of parameters that they declare.
public struct ParameterTable: Sendable {
    public let specifications: [ParameterSpecification]
    let embedding: EmbeddingLayer
    let blocks: [BlockLayer]
    let finalNorm: NormLayer
    let head: HeadLayer
    /// The index after the embedding's and the blocks' parameters.
    let firstOfEnd: Int

    /// Number of the model's own parameters. The additional parameters behind them are not part of the model's checkpoint.
    public let modelParameterCount: Int

    /// - Parameter additional: names and shapes of further matrices that are trained with the model, replicated on every rank.
    ///   They start from N(0, 1 / columns), so that a product keeps the length of a row on average.
    public init(_ configuration: ModelConfiguration, additional: [(name: String, rowCount: Int, columnCount: Int)] = []) {
        var list = ParameterList(standardDeviation: configuration.initializerRange)
        embedding = EmbeddingLayer(configuration, in: &list)
        blocks = configuration.blocks.indices.map { BlockLayer($0, configuration, in: &list) }
        firstOfEnd = list.nextIndex
        finalNorm = NormLayer("model.norm", configuration.finalNorm, width: configuration.hiddenSize, in: &list)
        head = HeadLayer(configuration, embedding: embedding, in: &list)
        modelParameterCount = list.nextIndex
        for matrix in additional {
            list.standardDeviation = 1 / Double(matrix.columnCount).squareRoot()
            _ = list.matrix(matrix.name, matrix.rowCount, matrix.columnCount, .replicated)
        }
        specifications = list.specifications
    }

    public var names: Set<String> { Set(specifications.map(\.name)) }

    /// Indices of the blocks' parameters.
    public var blockParameters: Range<Int> { (blocks.first?.firstOfAttention ?? firstOfEnd)..<firstOfEnd }
}

extension ModelConfiguration {
    /// The number of parameters. A tied head is counted once.
    public var parameterCount: Int {
        ParameterTable(self).specifications.reduce(0) { $0 + $1.rowCount * $1.columnCount }
    }
}
