import Settings

/// Each tensor rank's shard of a model: ranges of heads, feed-forward columns and vocabulary rows. Ranges are uneven if the
/// sizes don't divide.
///
/// A rank gets complete key/value groups of heads. Feed-forward columns are dealt evenly even if heads are not: ranks wait
/// for each other after each half of a block, so fewer columns would not make up for more heads.
public struct ModelSharding: Equatable, Sendable {
    public let configuration: ModelConfiguration
    public let size: Int
    /// Key/value heads of each rank; query heads follow from them.
    public let keyValueHeads: [Range<Int>]
    public let feedForwardColumns: [Range<Int>]
    public private(set) var vocabularyRows: [Range<Int>]

    /// - Precondition: `size` is at most the number of key/value heads (`ParallelLayout.check`).
    public init(_ configuration: ModelConfiguration, size: Int) {
        invariant(size >= 1 && size <= configuration.keyValueHeadCount, "each tensor rank has a group of heads")
        self.configuration = configuration
        self.size = size
        keyValueHeads = ModelSharding.even(configuration.keyValueHeadCount, over: size)
        vocabularyRows = ModelSharding.even(configuration.vocabularySize, over: size)
        let columns = configuration.feedForwardSize
        feedForwardColumns = ModelSharding.even(
            columns, over: size,
            // Each part is a multiple of a vector register, if there are enough columns.
            unit: columns % 16 == 0 && columns >= 64 * size ? 16 : 1)
    }

    /// The same sharding with the vocabulary ranges of `other`, so that each rank holds the same rows of both models. The
    /// last rank takes the rows beyond `other`'s vocabulary.
    public func cuttingVocabulary(like other: ModelSharding) -> ModelSharding {
        var result = self
        let count = configuration.vocabularySize
        result.vocabularyRows = other.vocabularyRows.enumerated().map { rank, rows in
            let end = rank == size - 1 ? count : min(rows.upperBound, count)
            return min(rows.lowerBound, end)..<end
        }
        return result
    }

    /// The part of an axis that `rank` holds, in elements of that axis.
    public func range(of axis: ShardAxis, rank: Int) -> Range<Int> {
        let head = configuration.headDimension
        let groups = keyValueHeads[rank]
        switch axis {
        case .vocabulary: return vocabularyRows[rank]
        case .feedForward: return feedForwardColumns[rank]
        case .keyValueHeads: return (groups.lowerBound * head)..<(groups.upperBound * head)
        case .queryHeadNumbers:
            return (groups.lowerBound * configuration.headsPerGroup)..<(groups.upperBound * configuration.headsPerGroup)
        case .queryHeads:
            let width = configuration.headsPerGroup * head
            return (groups.lowerBound * width)..<(groups.upperBound * width)
        }
    }

    /// Contiguous parts of complete units. Sizes differ by at most one unit, and larger parts come first. `unit` divides
    /// `count`.
    static func even(_ count: Int, over parts: Int, unit: Int = 1) -> [Range<Int>] {
        let units = count / unit
        var start = 0
        return (0..<parts).map { part in
            let end = start + unit * (units / parts + (part < units % parts ? 1 : 0))
            defer { start = end }
            return start..<end
        }
    }
}
