import Model
import Settings

// T tokens of a step, U scored hidden rows, D model width, F feed-forward columns, A = heads · E, B = key/value heads · E,
// E head dimension, J query heads a group, V vocabulary.

/// The matrix products that a model, or a tensor rank's share of it, needs for a workload: each prompt once, attention's
/// visible half, the head for scored rows only, and of the last block keys and values for all tokens, the rest for scored
/// rows. What an implementation computes again, or computes and masks, is not counted.
public struct ProductCounter: Sendable {
    public let model: ModelConfiguration
    /// Of the share: key/value heads, feed-forward columns, vocabulary rows.
    private let groups, feedForward, vocabulary: Int

    /// Of the whole model.
    public init(_ model: ModelConfiguration) { self.init(ModelSharding(model, size: 1), rank: 0) }

    /// Of one tensor rank.
    public init(_ sharding: ModelSharding, rank: Int) {
        model = sharding.configuration
        groups = sharding.keyValueHeads[rank].count
        feedForward = sharding.feedForwardColumns[rank].count
        vocabulary = sharding.vocabularyRows[rank].count
    }

    /// What tensor ranks do between two sums over them, and who computes it.
    public enum Part: CaseIterable, Sendable {
        /// Query, key, value and output layers.
        case projections
        /// Scores and weighted values.
        case attention
        /// Gate, up and down layers.
        case feedForward
        case head
    }

    public func forward(_ workload: StepWorkload) -> [RequiredProduct] {
        Part.allCases.flatMap { forward($0, workload) }
    }

    /// Twice the operations of `forward`: the gradient of each factor of each product.
    public func backward(_ workload: StepWorkload) -> [RequiredProduct] {
        Part.allCases.flatMap { backward($0, workload) }
    }

    public func forward(_ part: Part, _ workload: StepWorkload) -> [RequiredProduct] {
        part == .attention ? attention(workload, gradients: false) : layers(part, workload)
    }

    public func backward(_ part: Part, _ workload: StepWorkload) -> [RequiredProduct] {
        part == .attention ? attention(workload, gradients: true) : layers(part, workload).flatMap(\.gradients)
    }

    /// `[rows, columns] = [rows, inputs] · [columns, inputs]ᵀ`
    private func layers(_ part: Part, _ workload: StepWorkload) -> [RequiredProduct] {
        let width = model.hiddenSize
        let blocks = [(rows: workload.tokens, count: model.layerCount - 1), (rows: workload.scoredRows, count: 1)]
        switch part {
        case .attention: return []
        case .head: return [RequiredProduct(.forward, m: workload.scoredRows, n: vocabulary, k: width)]
        case .projections:
            let (queryWidth, keyWidth) = (groups * model.headsPerGroup * model.headDimension, groups * model.headDimension)
            return blocks.flatMap { rows, count in
                [
                    RequiredProduct(.forward, m: rows, n: queryWidth, k: width, count: count),
                    RequiredProduct(.forward, m: rows, n: width, k: queryWidth, count: count),
                    RequiredProduct(.forward, m: workload.tokens, n: keyWidth, k: width, count: 2 * count),
                ]
            }
        case .feedForward:
            // Gate and up, or up alone.
            let inputs = model.blocks[0].feedForward.isGated ? 2 : 1
            return blocks.flatMap { rows, count in
                [
                    RequiredProduct(.forward, m: rows, n: feedForward, k: width, count: inputs * count),
                    RequiredProduct(.forward, m: rows, n: width, k: feedForward, count: count),
                ]
            }
        }
    }

    /// Scores and weighted values of each segment and group, forward; the gradients of their four factors, backward. The J
    /// heads of a group are stacked to one product.
    private func attention(_ workload: StepWorkload, gradients: Bool) -> [RequiredProduct] {
        var counts: [SeenSegment: Int] = [:]
        for (index, block) in model.blocks.enumerated() {
            let segments = index == model.blocks.count - 1 ? workload.scored : workload.segments
            for segment in segments { counts[SeenSegment(segment, window: block.attention.window), default: 0] += 1 }
        }
        let order = counts.keys.sorted { ($0.queries, $0.prefix, $0.pairs) < ($1.queries, $1.prefix, $1.pairs) }
        return order.flatMap { segment -> [RequiredProduct] in
            let rows = segment.queries * model.headsPerGroup
            let keys = max(1, (segment.pairs + segment.queries / 2) / segment.queries)
            let count = counts[segment]! * groups
            let operations = 2 * Double(segment.pairs * model.headsPerGroup * model.headDimension) * Double(count)
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

/// A segment under a window.
private struct SeenSegment: Hashable {
    let queries, prefix: Int
    /// (query, key) pairs that are visible.
    let pairs: Int

    init(_ segment: StepWorkload.Segment, window: Int?) {
        (queries, prefix) = (segment.queries, segment.prefix)
        pairs = segment.visiblePairs(window: window)
    }
}
