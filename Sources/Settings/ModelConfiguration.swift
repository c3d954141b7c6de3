/// The numbers that define a decoder-only transformer's computation.
///
/// Names follow `config.json` of Hugging Face checkpoints. Every value is resolved: no optionals, no open defaults.
public struct ModelConfiguration: Equatable, Sendable {
    public var family: ModelFamily
    public var vocabularySize: Int
    /// Width of the residual stream.
    public var hiddenSize: Int
    /// Inner width of the gated feed-forward layer.
    public var feedForwardSize: Int
    public var layerCount: Int
    /// Number of query heads.
    public var headCount: Int
    /// Number of key/value heads. Each serves `headsPerGroup` query heads (grouped-query attention, arXiv:2305.13245).
    public var keyValueHeadCount: Int
    public var headDimension: Int
    public var ropeTheta: Double
    public var normEpsilon: Double
    /// Whether the head shares the embedding's matrix.
    public var tiedEmbeddings: Bool
    /// Whether query, key and value projections add a bias (Qwen2).
    public var projectionBias: Bool
    public var maximumPositions: Int
    /// Standard deviation of random initialisation.
    public var initializerRange: Double

    public init(
        family: ModelFamily, vocabularySize: Int, hiddenSize: Int, feedForwardSize: Int, layerCount: Int,
        headCount: Int, keyValueHeadCount: Int, headDimension: Int, ropeTheta: Double, normEpsilon: Double,
        tiedEmbeddings: Bool, projectionBias: Bool, maximumPositions: Int, initializerRange: Double
    ) {
        self.family = family
        self.vocabularySize = vocabularySize
        self.hiddenSize = hiddenSize
        self.feedForwardSize = feedForwardSize
        self.layerCount = layerCount
        self.headCount = headCount
        self.keyValueHeadCount = keyValueHeadCount
        self.headDimension = headDimension
        self.ropeTheta = ropeTheta
        self.normEpsilon = normEpsilon
        self.tiedEmbeddings = tiedEmbeddings
        self.projectionBias = projectionBias
        self.maximumPositions = maximumPositions
        self.initializerRange = initializerRange
    }

    /// Query heads that share one key/value head.
    public var headsPerGroup: Int { headCount / keyValueHeadCount }

    /// The number of parameters. A tied head is counted once.
    public var parameterCount: Int {
        let attention = hiddenSize * headDimension * (2 * headCount + 2 * keyValueHeadCount)
        let bias = projectionBias ? headDimension * (headCount + 2 * keyValueHeadCount) : 0
        let layer = attention + bias + 3 * hiddenSize * feedForwardSize + 2 * hiddenSize
        return vocabularySize * hiddenSize * (tiedEmbeddings ? 1 : 2) + layerCount * layer + hiddenSize
    }
}
