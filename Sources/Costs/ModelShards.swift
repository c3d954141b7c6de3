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

    /// The part of the model's bytes whose pages a tensor rank reads. A matrix that is cut by columns is read as a whole.
    func touchedFraction(rank: Int) -> Double {
        let touched = table.specifications.reduce(0.0) { sum, specification in
            let part = specification.part(sharding, rank: rank)
            return sum + Double(part.rows.count * specification.columnCount)
        }
        let whole = table.specifications.reduce(0.0) { $0 + Double($1.rowCount * $1.columnCount) }
        return touched / whole
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
    private func attentionWidths(_ widths: Widths) -> [Double] { [widths.projections, widths.attention, widths.heads, 1] }

    /// A block's `FeedForwardActivations`: middle D, gate and up F, and an inverse root.
    private func feedForwardWidths(_ widths: Widths) -> [Double] { [widths.model, widths.feedForward, widths.feedForward, 1] }

    /// Columns of each matrix `[T, columns]` in the `ActivationBuffers` of a model that learns: L blocks, or one of what is
    /// computed again; L + 1 residual streams; scratch of forward 2D + F, of backward 2D + F + W + A.
    public func trainableWidths(rank: Int, _ recompute: Recomputation) -> [Double] {
        let widths = widths(rank: rank)
        let layers = configuration.layerCount
        func repeated(_ values: [Double], _ count: Int) -> [Double] { (0..<count).flatMap { _ in values } }
        return repeated(attentionWidths(widths), recompute == .nothing ? layers : 1)
            + repeated(feedForwardWidths(widths), recompute == .block ? 1 : layers) + repeated([widths.model], layers + 5)
            + [widths.feedForward, widths.feedForward, widths.projections, widths.attention]
    }

    /// Scored states before and after the final norm, their inverse roots, and two gradients.
    public var scoredFloatsPerRow: Double { 4 * Double(configuration.hiddenSize) + 1 }

    /// `ActivationBuffers` of a frozen one: one block, 2 residual streams, scratch 2D + F, scored states 2D + 1.
    public func frozenFloatsPerToken(rank: Int) -> Double {
        let widths = widths(rank: rank)
        return (attentionWidths(widths) + feedForwardWidths(widths)).reduce(0, +) + 6 * widths.model + widths.feedForward + 1
    }
}
