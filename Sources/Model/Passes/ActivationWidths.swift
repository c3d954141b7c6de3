import Kernels
import Settings

/// Columns of the matrices that a block keeps for each token, on one tensor rank. The buffers are made from these numbers, and
/// the memory model counts them.
public struct ActivationWidths: Equatable, Sendable {
    public let model: Int
    /// Of attention: queries, keys and values; its output; the number of query heads.
    public let projections, attentionOutput, heads: Int
    /// Of the norms: before attention, of queries and keys, behind attention.
    let statistics, raw, rawStatistics, update, updateStatistics: Int
    /// Of the feed-forward layer.
    public let feedForward: Int
    let isGated: Bool
    let middle, feedForwardStatistics: Int

    public init(_ block: BlockConfiguration, _ sharding: ModelSharding, rank: Int) {
        let attention = block.attention
        let groups = sharding.keyValueHeads[rank].count
        let norm = Normalization(block.norm).statisticsPerRow
        let isPostNorm = block.residual == .postNorm
        let hasOutputNorms = isPostNorm || block.residual == .sandwich
        model = sharding.configuration.hiddenSize
        heads = groups * attention.headsPerGroup
        projections = (heads + 2 * groups) * attention.headDimension
        attentionOutput = heads * attention.headDimension
        feedForward = sharding.feedForwardColumns[rank].count
        isGated = block.feedForward.isGated
        statistics = isPostNorm ? 0 : norm
        update = hasOutputNorms ? sharding.configuration.hiddenSize : 0
        updateStatistics = hasOutputNorms ? norm : 0
        if let norms = attention.queryKeyNorm {
            raw = (heads + groups) * attention.headDimension
            let segments = norms.span == .allHeads ? 2 : heads + groups
            rawStatistics = segments * Normalization(norms.norm).statisticsPerRow
        } else {
            (raw, rawStatistics) = (0, 0)
        }
        switch block.residual {
        case .parallel(let isNormShared):
            middle = 0
            feedForwardStatistics = isNormShared ? 0 : norm
        case .preNorm, .sandwich:
            middle = sharding.configuration.hiddenSize
            feedForwardStatistics = norm
        case .postNorm:
            middle = sharding.configuration.hiddenSize
            feedForwardStatistics = 0
        }
    }

    /// Columns of each matrix of `AttentionActivations`.
    public var ofAttention: [Int] {
        [statistics, projections, raw, rawStatistics, attentionOutput, heads, update, updateStatistics]
    }

    /// Columns of each matrix of `FeedForwardActivations`.
    public var ofFeedForward: [Int] {
        [middle, feedForwardStatistics] + (isGated ? [feedForward, feedForward] : [feedForward]) + [update, updateStatistics]
    }
}
