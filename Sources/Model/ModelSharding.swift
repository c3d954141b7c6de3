import Settings

/// What of a model each tensor rank holds: ranges of heads, feed-forward columns and vocabulary rows, uneven where they
/// don't divide.
///
/// Attention heads are dealt in whole key/value groups; feed-forward columns make up the balance, so that every rank
/// multiplies about the same number of weights a token (3 groups on 2 ranks: 2 and 1 groups, 688 and 848 columns).
public struct ModelSharding: Equatable, Sendable {
    public let configuration: ModelConfiguration
    public let size: Int
    /// Key/value heads of each rank; query heads follow from them.
    public let keyValueHeads: [Range<Int>]
    public let feedForwardColumns: [Range<Int>]
    public private(set) var vocabularyRows: [Range<Int>]

    /// - Precondition: `size` is at most the number of key/value heads (`ParallelLayout.check`).
    public init(_ configuration: ModelConfiguration, size: Int) {
        precondition(size >= 1 && size <= configuration.keyValueHeadCount)
        self.configuration = configuration
        self.size = size
        keyValueHeads = ModelSharding.even(configuration.keyValueHeadCount, over: size)
        vocabularyRows = ModelSharding.even(configuration.vocabularySize, over: size)
        let groupWeights = configuration.hiddenSize * configuration.headDimension * (2 * configuration.headsPerGroup + 2)
        feedForwardColumns = ModelSharding.balanced(
            configuration.feedForwardSize, costOfOne: Double(3 * configuration.hiddenSize),
            besides: keyValueHeads.map { Double($0.count * groupWeights) })
    }

    /// The same with a vocabulary cut like `other`'s: row for row where both have rows, the last rank takes those beyond.
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
        case .queryHeads:
            let width = configuration.headsPerGroup * head
            return (groups.lowerBound * width)..<(groups.upperBound * width)
        }
    }

    /// Contiguous parts whose sizes differ by one at most, the larger first.
    static func even(_ count: Int, over parts: Int) -> [Range<Int>] {
        var start = 0
        return (0..<parts).map { part in
            let end = start + count / parts + (part < count % parts ? 1 : 0)
            defer { start = end }
            return start..<end
        }
    }

    /// `count` columns in contiguous parts, so that each part's columns and its other work cost the same in sum.
    static func balanced(_ count: Int, costOfOne: Double, besides otherCost: [Double]) -> [Range<Int>] {
        let target = (otherCost.reduce(0, +) + Double(count) * costOfOne) / Double(otherCost.count)
        let wanted = otherCost.map { max(0, (target - $0) / costOfOne) }
        let wantedSum = max(wanted.reduce(0, +), 1)
        // Whole vector registers a part, where there is room for them.
        let unit = count % 16 == 0 && count >= 64 * otherCost.count ? 16.0 : 1
        var start = 0
        var running = 0.0
        return wanted.indices.map { part in
            running += wanted[part] * Double(count) / wantedSum
            let end = part == wanted.count - 1 ? count : min(count, Int((running / unit).rounded() * unit))
            defer { start = end }
            return start..<end
        }
    }
}

/// A dimension of a tensor that the tensor axis of the mesh cuts.
public enum ShardAxis: Sendable {
    case vocabulary
    case queryHeads
    case keyValueHeads
    case feedForward
}
