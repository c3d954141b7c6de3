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

    /// The largest matrix of a block: one that is upcast as a whole. Of the embedding and the head only rows are upcast.
    public func largestMatrix(rank: Int) -> Double { sizes(rank: rank)[table.blockParameters].max() ?? 0 }

    /// The part of the model's bytes whose pages a tensor rank reads. A matrix that is cut by columns is read as a whole.
    func touchedFraction(rank: Int) -> Double {
        let touched = table.specifications.reduce(0.0) { sum, specification in
            let part = specification.part(sharding, rank: rank)
            return sum + Double(part.rows.count * specification.columnCount)
        }
        let whole = table.specifications.reduce(0.0) { $0 + Double($1.rowCount * $1.columnCount) }
        return touched / whole
    }

    private func widths(rank: Int) -> ActivationWidths { ActivationWidths(configuration.blocks[0], sharding, rank: rank) }

    /// Columns of each matrix `[T, columns]` in the buffers of a model that is trained: what L blocks keep, or one block of what
    /// is recomputed; L + 1 residual streams; scratch of forward 2D + F, of backward 2D + F + W + A, and what blocks with norms
    /// behind sublayers, scales or parallel sublayers need besides.
    public func trainableWidths(rank: Int, _ recompute: Recomputation) -> [Double] {
        let widths = widths(rank: rank)
        let layers = configuration.layerCount
        func repeated(_ values: [Int], _ count: Int) -> [Int] { (0..<count).flatMap { _ in values } }
        let all =
            repeated(widths.ofAttention, recompute == .nothing ? layers : 1)
            + repeated(widths.ofFeedForward, recompute == .block ? 1 : layers) + repeated([widths.model], layers + 5)
            + [widths.feedForward, widths.feedForward, widths.projections, widths.attentionOutput]
            + repeated([widths.model], extraScratch)
        return all.map(Double.init)
    }

    /// Further matrices `[T, D]` of backward.
    private var extraScratch: Int {
        let block = configuration.blocks[0]
        switch block.residual {
        case .preNorm: return block.residualScale == 1 ? 0 : 1
        case .postNorm, .sandwich: return 1
        case .parallel: return block.residualScale == 1 ? 2 : 3
        }
    }

    /// Scored states before and after the final norm, their inverse roots, and two gradients.
    public var scoredFloatsPerRow: Double { 4 * Double(configuration.hiddenSize) + 1 }

    /// The buffers of a frozen model: one block, 2 residual streams, scratch 2D + F (and D in a parallel block), scored states
    /// 2D + 1.
    public func frozenFloatsPerToken(rank: Int) -> Double {
        let widths = widths(rank: rank)
        let block = (widths.ofAttention + widths.ofFeedForward).reduce(0, +)
        let second = configuration.blocks[0].isParallel ? widths.model : 0
        return Double(block + 6 * widths.model + second + widths.feedForward + 1)
    }
}
