import Tensors

/// Who sees whom on the token axis, cut into pieces of work: made once for a micro-batch, used by every layer.
public struct AttentionPlan: Sendable {
    /// A block of query tokens of one segment, and the keys it sees.
    struct Block: Sendable {
        /// Query tokens on the axis.
        var queries: Range<Int>
        /// Keys seen whole (the segment's prefix); empty without one.
        var prefix: Range<Int>
        /// Keys of the segment itself, up to the block's last query; the triangle at the end is causal.
        var own: Range<Int>

        var keyCount: Int { prefix.count + own.count }
        /// Keys that the block's query number `index` sees.
        func visibleKeyCount(query index: Int) -> Int {
            prefix.count + (queries.lowerBound - own.lowerBound) + index + 1
        }
    }

    /// Blocks that share keys, in the axis's order: a document, or a prompt with its completions. Units are independent.
    let units: [[Block]]
    let maximumKeyCount: Int

    /// Query tokens a block: tiles of 64 rows for each head of a group run near the matrix kernel's full speed, and
    /// waste half a block of the causal triangle.
    static let blockSize = 64

    public init(_ segments: [Segment]) {
        var units: [[Block]] = []
        var unitOfPrefix: [Range<Int>: Int] = [:]
        var maximumKeyCount = 0
        for segment in segments where !segment.range.isEmpty {
            let blocks = stride(from: segment.range.lowerBound, to: segment.range.upperBound, by: Self.blockSize).map {
                let end = min($0 + Self.blockSize, segment.range.upperBound)
                return Block(
                    queries: $0..<end, prefix: segment.prefix ?? segment.range.lowerBound..<segment.range.lowerBound,
                    own: segment.range.lowerBound..<end)
            }
            maximumKeyCount = max(maximumKeyCount, blocks.last!.keyCount)
            if let prefix = segment.prefix, let unit = unitOfPrefix[prefix] {
                units[unit] += blocks
            } else {
                precondition(segment.prefix?.isEmpty ?? true, "a prefix is a whole segment that comes earlier")
                unitOfPrefix[segment.range] = units.count
                units.append(blocks)
            }
        }
        self.units = units
        self.maximumKeyCount = maximumKeyCount
    }

    /// One document whose tokens up to `cached` were computed before: `count` new ones see all of them and, causally,
    /// each other.
    public init(continuing cached: Int, count: Int) {
        precondition(count > 0)
        let blocks = stride(from: cached, to: cached + count, by: Self.blockSize).map {
            let end = min($0 + Self.blockSize, cached + count)
            return Block(queries: $0..<end, prefix: 0..<0, own: 0..<end)
        }
        units = [blocks]
        maximumKeyCount = cached + count
    }

    /// Multiply-adds of one head's scores and of its values each, per unit of head dimension: the visible (query, key) pairs.
    public var visiblePairCount: Int {
        units.joined().reduce(0) { total, block in
            total + block.queries.indices.reduce(0) { $0 + block.visibleKeyCount(query: $1 - block.queries.lowerBound) }
        }
    }
}
