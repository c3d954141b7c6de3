import Settings
import Tensors

/// Which keys each query on the token axis sees, cut into tasks. Made once per micro-batch, used by every layer.
public struct AttentionPlan: Sendable {
    /// Segments that share keys, in the order of the axis: a document, or a prompt with its completions.
    struct Unit: Sendable {
        var segments: [Range<Int>]
        /// Blocks of queries in ascending order. Segments without queries have no block.
        var blocks: [Block]
    }

    /// Units are independent.
    let units: [Unit]
    /// The tasks of one key/value head, heaviest first, so that threads end at about the same time.
    let tasks: [Task]
    /// How the gradients of keys that several tasks see are summed.
    let keySums: [KeySum]
    /// Total rows of memory for the partial gradients of shared keys.
    let partialRowCount: Int
    /// Most rows that the key gradients of one task take.
    let maximumKeyRowCount: Int
    /// All keys, in ascending rows; with a window, those from the first to the last that a query sees, for each segment. One
    /// thread packs each piece.
    let packs: [KeySpan]
    /// Rows of all packed keys.
    let packedRowCount: Int
    /// Number of tokens that are queries.
    let queryCount: Int

    /// - Parameter window: keys that a query sees at most, itself and those right before it, with the keys of its prefix
    ///   before those of its segment; nil: all before it. Keys outside of all windows cost nothing.
    public init(_ segments: [Segment], window: Int? = nil) {
        self.init(units: AttentionPlan.units(segments, window: window) { [$0] })
    }

    /// One document whose first `cached` tokens were computed before. The `count` new tokens see all cached tokens and,
    /// causally, each other; with a window, only the last `window` of these. Cached keys in front of it are not read.
    public init(continuing cached: Int, count: Int, window: Int? = nil) {
        invariant(count > 0, "a segment has tokens")
        let all = Segment(range: 0..<(cached + count))
        self.init(units: AttentionPlan.units([all], window: window) { [cached..<$0.upperBound] })
    }

    /// - Parameter queries: stretches of a segment's tokens that have queries, in ascending order.
    static func units(_ segments: [Segment], window: Int?, queries: (Range<Int>) -> [Range<Int>]) -> [Unit] {
        invariant(window.map { $0 > 0 } ?? true, "a query sees at least itself")
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
                Block(queries: $0, prefix: prefix, own: start..<$0.upperBound, window: window)
            }
        }
        return units
    }

    /// Units without a query are left out: they have nothing to compute.
    init(units all: [Unit]) {
        let units = all.filter { !$0.blocks.isEmpty }
        let blocks = units.flatMap(\.blocks)
        self.units = units
        queryCount = blocks.reduce(0) { $0 + $1.queries.count }
        var (tasks, keySums): ([Task], [KeySum]) = ([], [])
        let packed = AttentionPlan.pack(units)
        packs = AttentionPlan.pieces(of: packed)
        packedRowCount = packs.last.map { $0.row + ($0.tokens.count + 15) / 16 * 16 } ?? 0
        partialRowCount = AttentionPlan.cut(units, packed: packed, into: &tasks, keySums: &keySums)
        maximumKeyRowCount = tasks.map(\.keyRowCount).max() ?? 0
        // Tasks of equal work stay in the order of the axis.
        self.tasks = tasks.enumerated().sorted { ($1.element.pairCount, $0.offset) < ($0.element.pairCount, $1.offset) }
            .map(\.element)
        self.keySums = keySums
    }

    /// The number of visible (query, key) pairs. For each unit of the head dimension, one head's scores take this many
    /// multiply-adds, and its values as many again.
    public var visiblePairCount: Int { units.flatMap(\.blocks).reduce(0) { $0 + $1.pairCount } }
}
