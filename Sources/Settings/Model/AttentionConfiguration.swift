/// Causal self-attention with grouped heads (arXiv:2305.13245).
public struct AttentionConfiguration: Hashable, Sendable {
    /// Norms of queries and keys, with a weight each.
    public struct QueryKeyNorm: Hashable, Sendable {
        public enum Span: Hashable, Sendable {
            /// Each head apart, all heads with one weight of `headDimension` columns (Qwen3).
            case head
            /// Each head apart, with a weight of its own (Cohere, StableLM).
            case headWithOwnWeight
            /// All heads of a token together (OLMo 2).
            case allHeads
        }

        public var norm: NormConfiguration
        public var span: Span
        /// Whether the rotation comes first (Hunyuan).
        public var followsRotary: Bool

        public init(_ norm: NormConfiguration, span: Span, followsRotary: Bool = false) {
            self.norm = norm
            self.span = span
            self.followsRotary = followsRotary
        }
    }

    /// Query heads.
    public var headCount: Int
    /// Key/value heads. Each serves `headsPerGroup` query heads.
    public var keyValueHeadCount: Int
    public var headDimension: Int
    /// Whether query, key and value projections add a bias.
    public var projectionBias: Bool
    public var outputBias: Bool
    /// The factor of the products of queries and keys; nil: 1 / √headDimension.
    public var scale: Double?
    /// c: a score s becomes c · tanh(s / c), before the mask (Gemma 2).
    public var scoreSoftCap: Double?
    /// Keys that a query sees at most: itself and those right before it. Nil: all before it.
    public var window: Int?
    /// Nil: queries and keys do not turn.
    public var rotary: RotaryConfiguration?
    public var queryKeyNorm: QueryKeyNorm?
    /// Whether each head has a logit that takes a share of the softmax without a value (gpt-oss).
    public var hasSinks: Bool

    public init(
        headCount: Int, keyValueHeadCount: Int, headDimension: Int, projectionBias: Bool = false, outputBias: Bool = false,
        scale: Double? = nil, scoreSoftCap: Double? = nil, window: Int? = nil, rotary: RotaryConfiguration?,
        queryKeyNorm: QueryKeyNorm? = nil, hasSinks: Bool = false
    ) {
        self.headCount = headCount
        self.keyValueHeadCount = keyValueHeadCount
        self.headDimension = headDimension
        self.projectionBias = projectionBias
        self.outputBias = outputBias
        self.scale = scale
        self.scoreSoftCap = scoreSoftCap
        self.window = window
        self.rotary = rotary
        self.queryKeyNorm = queryKeyNorm
        self.hasSinks = hasSinks
    }

    /// Query heads that share one key/value head.
    public var headsPerGroup: Int { headCount / keyValueHeadCount }
}
