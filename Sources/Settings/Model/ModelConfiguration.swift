/// The numbers that define a decoder-only transformer's computation: a list of layers.
///
/// Every value is resolved: an optional means that a part is not there.
public struct ModelConfiguration: Equatable, Sendable {
    public var family: ModelFamily
    public var vocabularySize: Int
    /// Width of the residual stream.
    public var hiddenSize: Int
    public var embedding: EmbeddingConfiguration
    public var blocks: [BlockConfiguration]
    public var finalNorm: NormConfiguration
    public var head: HeadConfiguration
    public var maximumPositions: Int
    /// Standard deviation of random initialisation.
    public var initializerRange: Double

    public init(
        family: ModelFamily, vocabularySize: Int, hiddenSize: Int, embedding: EmbeddingConfiguration = EmbeddingConfiguration(),
        blocks: [BlockConfiguration], finalNorm: NormConfiguration, head: HeadConfiguration, maximumPositions: Int,
        initializerRange: Double
    ) {
        self.family = family
        self.vocabularySize = vocabularySize
        self.hiddenSize = hiddenSize
        self.embedding = embedding
        self.blocks = blocks
        self.finalNorm = finalNorm
        self.head = head
        self.maximumPositions = maximumPositions
        self.initializerRange = initializerRange
    }
}

// MARK: Models whose blocks are alike

extension ModelConfiguration {
    /// A model of equal blocks as Llama has them; `projectionBias` as in Qwen2.
    public init(
        family: ModelFamily, vocabularySize: Int, hiddenSize: Int, feedForwardSize: Int, layerCount: Int,
        headCount: Int, keyValueHeadCount: Int, headDimension: Int, ropeTheta: Double, normEpsilon: Double,
        tiedEmbeddings: Bool, projectionBias: Bool, maximumPositions: Int, initializerRange: Double
    ) {
        let norm = NormConfiguration(epsilon: normEpsilon)
        let block = BlockConfiguration(
            attention: AttentionConfiguration(
                headCount: headCount, keyValueHeadCount: keyValueHeadCount, headDimension: headDimension,
                projectionBias: projectionBias, rotary: RotaryConfiguration(theta: ropeTheta, dimension: headDimension)),
            feedForward: FeedForwardConfiguration(size: feedForwardSize), norm: norm)
        self.init(
            family: family, vocabularySize: vocabularySize, hiddenSize: hiddenSize,
            blocks: [BlockConfiguration](repeating: block, count: layerCount), finalNorm: norm,
            head: HeadConfiguration(isTied: tiedEmbeddings), maximumPositions: maximumPositions, initializerRange: initializerRange)
    }

    /// Reads a value that all blocks have in common, and sets it in all of them.
    private subscript<Value>(common path: WritableKeyPath<BlockConfiguration, Value>) -> Value {
        get { blocks[0][keyPath: path] }
        set { for index in blocks.indices { blocks[index][keyPath: path] = newValue } }
    }

    /// The number of blocks. A larger number repeats the last block.
    public var layerCount: Int {
        get { blocks.count }
        set { blocks = (0..<newValue).map { blocks[min($0, blocks.count - 1)] } }
    }

    /// The sizes of heads and feed-forward layers are the same in all blocks.
    public var headCount: Int {
        get { self[common: \.attention.headCount] }
        set { self[common: \.attention.headCount] = newValue }
    }

    public var keyValueHeadCount: Int {
        get { self[common: \.attention.keyValueHeadCount] }
        set { self[common: \.attention.keyValueHeadCount] = newValue }
    }

    public var headDimension: Int {
        get { self[common: \.attention.headDimension] }
        set { self[common: \.attention.headDimension] = newValue }
    }

    public var feedForwardSize: Int {
        get { self[common: \.feedForward.size] }
        set { self[common: \.feedForward.size] = newValue }
    }

    public var projectionBias: Bool {
        get { self[common: \.attention.projectionBias] }
        set { self[common: \.attention.projectionBias] = newValue }
    }

    /// The base of the first block's rotary positions; nil if it has none.
    public var ropeTheta: Double? { blocks[0].attention.rotary?.theta }

    public var normEpsilon: Double { finalNorm.epsilon }

    public var tiedEmbeddings: Bool {
        get { head.isTied }
        set { head.isTied = newValue }
    }

    /// Query heads that share one key/value head.
    public var headsPerGroup: Int { headCount / keyValueHeadCount }
}
