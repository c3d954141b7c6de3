import Settings

// T tokens of a step, U scored hidden rows, D model width, F feed-forward columns, A = heads · E, B = key/value heads · E,
// E head dimension, J query heads a group, V vocabulary.

/// A matrix product that the mathematics of a step needs: `count` times `c[m, n] = a[m, k] · b[k, n]`.
public struct RequiredProduct: Hashable, Codable, Sendable {
    /// Which factor lies transposed in memory.
    public enum Form: String, Codable, Sendable {
        /// y = x·Wᵀ
        case forward
        /// dx = dy·W
        case inputGradient
        /// dW = dyᵀ·x
        case weightGradient
    }

    public var form: Form
    public var m: Int
    public var n: Int
    public var k: Int
    public var count: Int
    /// Additions and multiplications of all `count`. It is 2 · m · n · k · count but for attention's products, where a
    /// query sees a part of the keys: n is then the mean number of keys a query sees, and this stays exact.
    public var operations: Double
    /// The products are independent of each other, and each runs on one core; otherwise one product is cut over all cores.
    public var isIndependent: Bool

    public init(
        _ form: Form, m: Int, n: Int, k: Int, count: Int = 1, operations: Double? = nil, isIndependent: Bool = false
    ) {
        self.form = form
        self.m = m
        self.n = n
        self.k = k
        self.count = count
        self.operations = operations ?? 2 * Double(m) * Double(n) * Double(k) * Double(count)
        self.isIndependent = isIndependent
    }

    /// A linear layer's two products of backward: as many operations as forward, each.
    var gradients: [RequiredProduct] {
        [
            RequiredProduct(.inputGradient, m: m, n: k, k: n, count: count),
            RequiredProduct(.weightGradient, m: n, n: k, k: m, count: count),
        ]
    }
}

extension Sequence<RequiredProduct> {
    public var operations: Double { reduce(0) { $0 + $1.operations } }
}

/// What a step computes, in numbers: made from the records that the trainer is about to take.
public struct StepWorkload: Equatable, Sendable {
    /// A stretch of tokens that see each other causally, and `prefix` earlier ones whole.
    public struct Segment: Hashable, Sendable {
        public var queries: Int
        public var prefix: Int

        public init(queries: Int, prefix: Int = 0) {
            self.queries = queries
            self.prefix = prefix
        }

        /// (query, key) pairs: each query sees the prefix, those before it and itself.
        public var visiblePairs: Int { queries * prefix + queries * (queries + 1) / 2 }
    }

    public var segments: [Segment]
    /// Stretches of tokens whose hidden rows the head reads: the last block's queries, of the same keys.
    public var scored: [Segment]

    public init(segments: [Segment], scored: [Segment]) {
        self.segments = segments
        self.scored = scored
    }

    /// Hidden rows that the head reads, each once.
    public var scoredRows: Int { scored.reduce(0) { $0 + $1.queries } }

    /// Each prompt once.
    public var tokens: Int { segments.reduce(0) { $0 + $1.queries } }
}

/// The matrix products that a model needs for a workload: each prompt once, attention's visible half, the head for scored
/// rows only, and of the last block keys and values for all tokens, the rest for scored rows. What an implementation
/// computes again, or computes and masks, is not counted.
public struct ProductCounter: Sendable {
    public let model: ModelConfiguration

    public init(_ model: ModelConfiguration) { self.model = model }

    public func forward(_ workload: StepWorkload) -> [RequiredProduct] {
        linear(workload) + attention(workload, gradients: false) + [head(workload)]
    }

    /// Twice the operations of `forward`: the gradient of each factor of each product.
    public func backward(_ workload: StepWorkload) -> [RequiredProduct] {
        (linear(workload) + [head(workload)]).flatMap(\.gradients) + attention(workload, gradients: true)
    }

    /// `[T, columns] = [T, inputs] · [columns, inputs]ᵀ`, seven a block.
    private func linear(_ workload: StepWorkload) -> [RequiredProduct] {
        let keyWidth = model.keyValueHeadCount * model.headDimension
        func keysAndValues(blocks: Int) -> RequiredProduct {
            RequiredProduct(.forward, m: workload.tokens, n: keyWidth, k: model.hiddenSize, count: 2 * blocks)
        }
        return queryLayers(workload.tokens, blocks: model.layerCount - 1) + [keysAndValues(blocks: model.layerCount - 1)]
            + queryLayers(workload.scoredRows, blocks: 1) + [keysAndValues(blocks: 1)]
    }

    /// The layers that a block computes for tokens with a query.
    private func queryLayers(_ rows: Int, blocks: Int) -> [RequiredProduct] {
        let (width, queryWidth) = (model.hiddenSize, model.headCount * model.headDimension)
        func layer(columns: Int, inputs: Int, perBlock: Int = 1) -> RequiredProduct {
            RequiredProduct(.forward, m: rows, n: columns, k: inputs, count: perBlock * blocks)
        }
        return [
            layer(columns: queryWidth, inputs: width), layer(columns: width, inputs: queryWidth),
            layer(columns: model.feedForwardSize, inputs: width, perBlock: 2),
            layer(columns: width, inputs: model.feedForwardSize),
        ]
    }

    private func head(_ workload: StepWorkload) -> RequiredProduct {
        RequiredProduct(.forward, m: workload.scoredRows, n: model.vocabularySize, k: model.hiddenSize)
    }

    /// Scores and weighted values of each segment and group, forward; the gradients of their four factors, backward. The J
    /// heads of a group are stacked to one product.
    private func attention(_ workload: StepWorkload, gradients: Bool) -> [RequiredProduct] {
        var counts: [StepWorkload.Segment: Int] = [:]
        for segment in workload.segments { counts[segment, default: 0] += model.layerCount - 1 }
        for segment in workload.scored { counts[segment, default: 0] += 1 }
        let order = counts.keys.sorted { ($0.queries, $0.prefix) < ($1.queries, $1.prefix) }
        return order.flatMap { segment -> [RequiredProduct] in
            let rows = segment.queries * model.headsPerGroup
            let keys = max(1, (segment.visiblePairs + segment.queries / 2) / segment.queries)
            let count = counts[segment]! * model.keyValueHeadCount
            let operations = 2 * Double(segment.visiblePairs * model.headsPerGroup * model.headDimension) * Double(count)
            func product(_ form: RequiredProduct.Form, _ m: Int, _ n: Int, _ k: Int, factor: Int = 1) -> RequiredProduct {
                RequiredProduct(
                    form, m: m, n: n, k: k, count: factor * count, operations: Double(factor) * operations,
                    isIndependent: true)
            }
            let head = model.headDimension
            guard gradients else {
                return [product(.forward, rows, keys, head), product(.inputGradient, rows, head, keys)]
            }
            return [
                // Gradients of the weights; of queries; of keys and of values.
                product(.forward, rows, keys, head), product(.inputGradient, rows, head, keys),
                product(.weightGradient, keys, head, rows, factor: 2),
            ]
        }
    }
}
