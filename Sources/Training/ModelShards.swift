import Model
import Settings

// T tokens a micro-batch; D model width, W projections, A attention output, H query heads and F feed-forward columns of
// a rank.

/// A model's share of each tensor rank, in numbers.
public struct ModelShards {
    public let configuration: ModelConfiguration
    public let sharding: ModelSharding
    public let table: ParameterTable

    public init(_ configuration: ModelConfiguration, size: Int) {
        self.configuration = configuration
        sharding = ModelSharding(configuration, size: size)
        table = ParameterTable(configuration)
    }

    private func sizes(rank: Int) -> [Double] {
        table.specifications.map {
            let part = $0.part(sharding, rank: rank)
            return Double(part.rows.count) * Double(part.columns.count)
        }
    }

    public func parameterCount(rank: Int) -> Double { sizes(rank: rank).reduce(0, +) }

    /// The largest matrix that is widened whole: every one of a block, but not the embedding and the head, of which
    /// only rows are.
    public func largestMatrix(rank: Int) -> Double {
        zip(table.specifications, sizes(rank: rank))
            .filter { $0.0.name.hasPrefix("model.layers.") }.map(\.1).max() ?? 0
    }

    private struct Widths { let model, projections, attention, heads, feedForward: Double }

    private func widths(rank: Int) -> Widths {
        let groups = sharding.keyValueHeads[rank].count
        let heads = groups * configuration.headsPerGroup
        return Widths(
            model: Double(configuration.hiddenSize),
            projections: Double((heads + 2 * groups) * configuration.headDimension),
            attention: Double(heads * configuration.headDimension), heads: Double(heads),
            feedForward: Double(sharding.feedForwardColumns[rank].count))
    }

    /// A block's `AttentionActivations`: projections W, output A, log-sum-exp H, and an inverse root.
    private func attentionFloats(_ widths: Widths) -> Double { widths.projections + widths.attention + widths.heads + 1 }

    /// A block's `FeedForwardActivations`: middle D, gate and up 2F, and an inverse root.
    private func feedForwardFloats(_ widths: Widths) -> Double { widths.model + 2 * widths.feedForward + 1 }

    /// `ActivationBuffers` of a model that learns: L blocks, or one of what is computed again; L + 1 residual streams;
    /// scratch of forward 2D + F, of backward 2D + F + W + A. Where every token is scored, states and their gradients
    /// take 4D + 1 more (`scoredFloatsPerRow`).
    public func trainableFloatsPerToken(rank: Int, _ recompute: Recomputation) -> Double {
        let widths = widths(rank: rank)
        let layers = Double(configuration.layerCount)
        let blocks = (recompute == .nothing ? layers : 1) * attentionFloats(widths)
            + (recompute == .block ? 1 : layers) * feedForwardFloats(widths)
        return blocks + (layers + 1) * widths.model + 4 * widths.model + 2 * widths.feedForward + widths.projections
            + widths.attention + scoredFloatsPerRow
    }

    /// Scored states before and after the final norm, their inverse roots, and two gradients.
    public var scoredFloatsPerRow: Double { 4 * Double(configuration.hiddenSize) + 1 }

    /// `ActivationBuffers` of a frozen one: one block, 2 residual streams, scratch 2D + F, scored states 2D + 1.
    public func frozenFloatsPerToken(rank: Int) -> Double {
        let widths = widths(rank: rank)
        return attentionFloats(widths) + feedForwardFloats(widths) + 2 * widths.model + 2 * widths.model
            + widths.feedForward + 2 * widths.model + 1
    }
}
