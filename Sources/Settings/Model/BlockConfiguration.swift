/// One block of a decoder: attention and a feed-forward layer, around which the residual stream x runs.
public struct BlockConfiguration: Hashable, Sendable {
    /// Where the norms are. f is attention or the feed-forward layer, n a norm before it and m a norm behind it.
    public enum Residual: Hashable, Sendable {
        /// x + f(n(x)) (Llama)
        case preNorm
        /// x + m(f(x)) (OLMo 2)
        case postNorm
        /// x + m(f(n(x))) (Gemma 2)
        case sandwich
        /// x + attention(n(x)) + feedForward(n'(x)), where n' is n itself if `isNormShared` (GPT-NeoX, Cohere)
        case parallel(isNormShared: Bool)
    }

    public var attention: AttentionConfiguration
    public var feedForward: FeedForwardConfiguration
    public var residual: Residual
    public var isParallel: Bool {
        if case .parallel = residual { true } else { false }
    }

    /// All norms of the block on the residual stream.
    public var norm: NormConfiguration
    /// A factor of what attention and the feed-forward layer add to the stream (Granite).
    public var residualScale: Double

    public init(
        attention: AttentionConfiguration, feedForward: FeedForwardConfiguration, residual: Residual = .preNorm,
        norm: NormConfiguration, residualScale: Double = 1
    ) {
        self.attention = attention
        self.feedForward = feedForward
        self.residual = residual
        self.norm = norm
        self.residualScale = residualScale
    }
}
