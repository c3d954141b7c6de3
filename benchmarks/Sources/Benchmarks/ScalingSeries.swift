import JSON
import Settings

/// A series of points over several numbers of ranks, with one kind of growth, axis, shape and reference.
public struct ScalingSeries: Equatable, Sendable {
    public enum Growth: String, JSONWritable, CaseIterable, Sendable {
        /// The total work stays the same.
        case strong
        /// The work per rank stays the same.
        case weak
    }

    public enum Axis: String, JSONWritable, CaseIterable, Sendable { case data, tensor }

    public enum Shape: String, JSONWritable, Sendable {
        /// Heads, columns and vocabulary divide evenly.
        case even
        /// The width and heads of SmolLM2. Its 3 groups of heads are 2 + 1 on two ranks.
        case uneven
    }

    public enum Reference: String, JSONWritable, CaseIterable, Sendable { case off, on, cached }

    public var growth: Growth
    public var axis: Axis
    public var shape: Shape
    public var reference: Reference

    public var name: String { "\(growth.rawValue) \(axis.rawValue), \(shape.rawValue), reference \(reference.rawValue)" }

    /// The series to measure.
    public static func all(references: [Reference]) -> [ScalingSeries] {
        let kinds: [(Growth, Axis, Shape)] = [
            (.weak, .data, .uneven), (.strong, .data, .uneven), (.weak, .tensor, .even), (.strong, .tensor, .even),
            (.weak, .tensor, .uneven), (.strong, .tensor, .uneven),
        ]
        return kinds.flatMap { kind in
            references.map { ScalingSeries(growth: kind.0, axis: kind.1, shape: kind.2, reference: $0) }
        }
    }

    // MARK: The work on a number of ranks

    /// Sizes of a scaling run.
    public struct Sizes: Sendable {
        /// Pairs of a step on one rank. A step of a strong data series has twice as many pairs, on any number of ranks.
        public var pairs = 4
        public var promptTokens = 64
        public var completionTokens = 96
        public var layers = 6
        public var headDimension = 64

        public init() {}

        /// Sizes for steps of milliseconds, to check that everything works.
        public static var quick: Sizes {
            var sizes = Sizes()
            (sizes.pairs, sizes.promptTokens, sizes.completionTokens, sizes.layers, sizes.headDimension) = (2, 8, 12, 2, 16)
            return sizes
        }
    }

    /// Pairs of a step over all ranks. Every tensor rank computes all pairs.
    public func pairsPerStep(ranks: Int, _ sizes: Sizes) -> Int {
        switch (growth, axis) {
        case (.weak, .data): sizes.pairs * ranks
        case (.strong, .data): 2 * sizes.pairs
        case (_, .tensor): sizes.pairs
        }
    }

    /// Whether the model can be sharded over `ranks`.
    public func fits(ranks: Int, _ sizes: Sizes) -> Bool {
        axis == .data || ranks <= model(ranks: ranks, sizes).keyValueHeadCount
    }

    /// The even shape has 8 heads in 4 groups, the uneven shape 9 heads in 3 groups. In a weak tensor series each rank has half
    /// of these heads, feed-forward columns and vocabulary tokens, so the totals grow with the ranks. (In the uneven shape a
    /// single rank has 2 groups.) The residual width stays, so each rank multiplies as much as one rank did.
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

    /// A short description of the model.
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

extension ScalingSeries: JSONWritable {
    public var json: JSONValue { .fields(["growth": growth, "axis": axis, "shape": shape, "reference": reference]) }
}
