import Settings

/// A row of figures to be taken: one kind of growth, reference and shape, over several numbers of ranks.
public struct ScalingSeries: Codable, Equatable, Sendable {
    public enum Growth: String, Codable, CaseIterable, Sendable {
        /// The same work on more ranks.
        case strong
        /// As much work a rank.
        case weak
    }

    public enum Axis: String, Codable, CaseIterable, Sendable { case data, tensor }

    public enum Shape: String, Codable, Sendable {
        /// Heads, columns and vocabulary divide evenly.
        case even
        /// SmolLM2's width and heads: 3 groups of heads on 2 ranks are 2 and 1.
        case uneven
    }

    public enum Reference: String, Codable, CaseIterable, Sendable { case off, on, cached }

    public var growth: Growth
    public var axis: Axis
    public var shape: Shape
    public var reference: Reference

    public var name: String { "\(growth.rawValue) \(axis.rawValue), \(shape.rawValue), reference \(reference.rawValue)" }

    /// Those that are measured.
    public static func all(references: [Reference]) -> [ScalingSeries] {
        let kinds: [(Growth, Axis, Shape)] = [
            (.weak, .data, .uneven), (.strong, .data, .uneven), (.weak, .tensor, .even), (.strong, .tensor, .even),
            (.weak, .tensor, .uneven), (.strong, .tensor, .uneven),
        ]
        return kinds.flatMap { kind in
            references.map { ScalingSeries(growth: kind.0, axis: kind.1, shape: kind.2, reference: $0) }
        }
    }

    // MARK: What a number of ranks computes

    /// Sizes of a scaling run.
    public struct Sizes: Sendable {
        /// Pairs of a step on one rank; a strong series' step has twice as many on any number.
        public var pairs = 4
        public var promptTokens = 64
        public var completionTokens = 96
        public var layers = 6
        public var headDimension = 64

        public init() {}

        /// Steps of milliseconds, to see that all works.
        public static var quick: Sizes {
            var sizes = Sizes()
            (sizes.pairs, sizes.promptTokens, sizes.completionTokens, sizes.layers, sizes.headDimension) = (2, 8, 12, 2, 16)
            return sizes
        }
    }

    /// Pairs of a step, over all ranks. Tensor ranks share them all.
    public func pairsPerStep(ranks: Int, _ sizes: Sizes) -> Int {
        switch (growth, axis) {
        case (.weak, .data): sizes.pairs * ranks
        case (.strong, .data): 2 * sizes.pairs
        case (_, .tensor): sizes.pairs
        }
    }

    /// Whether the model can be cut for `ranks`.
    public func fits(ranks: Int, _ sizes: Sizes) -> Bool {
        axis == .data || ranks <= model(ranks: ranks, sizes).keyValueHeadCount
    }

    /// The even shape has 8 heads in 4 groups, the uneven one 9 in 3. Growing with tensor ranks each has half of them a rank
    /// (of 3 groups one rank has 2), and as many feed-forward columns and tokens of vocabulary a rank: all of the width that
    /// the ranks share. The residual stream's width stays, so that each rank multiplies as much as one did.
    public func model(ranks: Int, _ sizes: Sizes) -> ModelConfiguration {
        let unit = sizes.headDimension
        let shares = growth == .weak && axis == .tensor ? ranks : 2
        switch shape {
        case .uneven:
            let groups = (3 * shares + 1) / 2
            return ScalingSeries.model(
                hidden: 9 * unit, feedForward: 12 * unit * shares, heads: 3 * groups, groups: groups,
                vocabulary: 64 * unit * shares, sizes)
        case .even:
            return ScalingSeries.model(
                hidden: 8 * unit, feedForward: 12 * unit * shares, heads: 4 * shares, groups: 2 * shares,
                vocabulary: 64 * unit * shares, sizes)
        }
    }

    /// The model in words.
    public func modelName(ranks: Int, _ sizes: Sizes) -> String {
        let model = model(ranks: ranks, sizes)
        return "\(model.layerCount) blocks of \(model.hiddenSize); \(model.headCount) heads in \(model.keyValueHeadCount) groups; "
            + "feed-forward \(model.feedForwardSize); vocabulary \(model.vocabularySize)"
    }

    private static func model(
        hidden: Int, feedForward: Int, heads: Int, groups: Int, vocabulary: Int, _ sizes: Sizes
    ) -> ModelConfiguration {
        ModelConfiguration(
            family: .llama, vocabularySize: vocabulary, hiddenSize: hidden, feedForwardSize: feedForward,
            layerCount: sizes.layers, headCount: heads, keyValueHeadCount: groups, headDimension: sizes.headDimension,
            ropeTheta: 100_000, normEpsilon: 1e-5, tiedEmbeddings: true, projectionBias: false, maximumPositions: 8192,
            initializerRange: 0.02)
    }
}
