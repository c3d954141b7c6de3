import Settings

/// The data ranks' partition of the work on one flat block of floats. The block is split into buckets, and each bucket into
/// one part for each rank.
///
/// A rank's shard is its part of every bucket, not one run of the block. So each rank sends and receives the same amount
/// while a bucket is reduced. Parts are nearly equal and may be empty. Their boundaries do not follow parameters.
package struct FlatPartition: Equatable, Sendable {
    /// Floats of the block.
    package let count: Int
    package let rankCount: Int
    /// Floats of a bucket. The bucket at the block's beginning may be smaller.
    package let bucketCount: Int

    /// 64 KiB and 4 MiB of floats. Above 4 MiB a larger bucket is not reduced any faster per byte. Below the size of the
    /// caches a bucket is reduced a little faster.
    private static let bucketLimits = 1 << 14...1 << 20

    /// Buckets that are exchanged at a time, at most: enough that the network has work while one is summed.
    package static let exchangesUnderWay = 4

    /// - Parameter bucketCount: floats of a bucket. The default gives a block 16 buckets, within limits, so that most of
    ///   the block can be reduced before the last gradient is final. For a small bucket only the network's latency would
    ///   count.
    package init(count: Int, rankCount: Int, bucketCount: Int? = nil) {
        invariant(rankCount > 0 && (bucketCount ?? 1) > 0, "a partition has ranks and buckets")
        self.count = count
        self.rankCount = rankCount
        let limits = FlatPartition.bucketLimits
        self.bucketCount = bucketCount ?? min(max((count + 255) / 256 * 16, limits.lowerBound), limits.upperBound)
    }

    /// Buckets from the block's end to its beginning, the order in which backward makes gradients final.
    package var buckets: [Range<Int>] {
        stride(from: count, to: 0, by: -bucketCount).map { max(0, $0 - bucketCount)..<$0 }
    }

    /// Each rank's part of a bucket, in rank order. Boundaries lie on cache lines, counted from the bucket's beginning.
    package func parts(of bucket: Range<Int>) -> [Range<Int>] {
        let bounds = (0...rankCount).map {
            $0 == rankCount ? bucket.upperBound : bucket.lowerBound + bucket.count * $0 / rankCount / 16 * 16
        }
        return zip(bounds, bounds.dropFirst()).map { $0..<$1 }
    }

    /// A rank's shard: its non-empty parts, ascending.
    package func shard(of rank: Int) -> [Range<Int>] {
        buckets.reversed().map { parts(of: $0)[rank] }.filter { !$0.isEmpty }
    }

    /// Floats of the largest part of any bucket.
    package var largestPart: Int { buckets.first.map { parts(of: $0).map(\.count).max()! } ?? 0 }
}
