import Settings
import Tensors

/// Who sees whom on the token axis, cut into pieces of work: made once for a micro-batch, used by every layer.
public struct AttentionPlan: Sendable {
    /// Consecutive query tokens of one segment, and the keys they see.
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
        /// The visible (query, key) pairs.
        var pairCount: Int {
            queries.count * visibleKeyCount(query: 0) + queries.count * (queries.count - 1) / 2
        }
    }

    /// Segments that share keys, in the axis's order: a document, or a prompt with its completions.
    struct Unit: Sendable {
        var segments: [Range<Int>]
        /// Queries in ascending order, of segments that have any.
        var blocks: [Block]
    }

    /// Units are independent.
    let units: [Unit]
    /// The work of one key/value head, heaviest first: tasks of equal work end together on any number of threads.
    let tasks: [Task]
    /// Where several tasks have gradients of the same keys.
    let keySums: [KeySum]
    /// Rows of memory that the shared keys' partial sums take together.
    let partialRowCount: Int
    /// Rows that the gradients of one task's keys take at most.
    let maximumKeyRowCount: Int
    /// All keys in pieces that are packed by one thread each, in ascending rows.
    let packs: [KeySpan]
    /// Rows of all packed keys.
    let packedRowCount: Int
    /// Tokens that are queries.
    let queryCount: Int

    public init(_ segments: [Segment]) {
        self.init(units: AttentionPlan.units(segments) { [$0] })
    }

    /// One document whose tokens up to `cached` were computed before: `count` new ones see all of them and, causally,
    /// each other.
    public init(continuing cached: Int, count: Int) {
        invariant(count > 0, "a segment has tokens")
        let all = 0..<(cached + count)
        self.init(units: [Unit(segments: [all], blocks: [Block(queries: cached..<all.upperBound, prefix: 0..<0, own: all)])])
    }

    /// - Parameter queries: stretches of a segment's tokens that have queries, in ascending order.
    static func units(_ segments: [Segment], queries: (Range<Int>) -> [Range<Int>]) -> [Unit] {
        var units: [Unit] = []
        var unitOfPrefix: [Range<Int>: Int] = [:]
        for segment in segments where !segment.range.isEmpty {
            let start = segment.range.lowerBound
            let prefix = segment.prefix ?? start..<start
            let unit: Int
            if let known = unitOfPrefix[prefix], segment.prefix != nil {
                unit = known
            } else {
                invariant(prefix.isEmpty, "a prefix is a whole segment that comes earlier")
                unit = units.count
                unitOfPrefix[segment.range] = unit
                units.append(Unit(segments: [], blocks: []))
            }
            units[unit].segments.append(segment.range)
            units[unit].blocks += queries(segment.range).map {
                Block(queries: $0, prefix: prefix, own: start..<$0.upperBound)
            }
        }
        return units
    }

    /// Units without a query have nothing to compute.
    init(units all: [Unit]) {
        let units = all.filter { !$0.blocks.isEmpty }
        let blocks = units.flatMap(\.blocks)
        self.units = units
        queryCount = blocks.reduce(0) { $0 + $1.queries.count }
        var (tasks, keySums): ([Task], [KeySum]) = ([], [])
        packs = AttentionPlan.pack(units)
        packedRowCount = packs.last.map { $0.row + ($0.tokens.count + 15) / 16 * 16 } ?? 0
        partialRowCount = AttentionPlan.cut(units, packed: packs, into: &tasks, keySums: &keySums)
        maximumKeyRowCount = tasks.map(\.keyRowCount).max() ?? 0
        // Equal work stays in the order of the axis.
        self.tasks = tasks.enumerated().sorted { ($1.element.pairCount, $0.offset) < ($0.element.pairCount, $1.offset) }
            .map(\.element)
        self.keySums = keySums
    }

    /// Multiply-adds of one head's scores and of its values each, per unit of head dimension: the visible (query, key) pairs.
    public var visiblePairCount: Int { units.flatMap(\.blocks).reduce(0) { $0 + $1.pairCount } }
}
