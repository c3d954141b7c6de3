import Settings

/// The flat token axis of a micro-batch: `T` tokens, their positions, and the segments that define which tokens each token
/// sees. There is no padding.
public struct TokenAxis: Equatable, Sendable {
    /// `[T]` token ids.
    public private(set) var tokens: [Int32] = []
    /// `[T]` rotary positions. The positions of a completion start at the length of its prompt.
    public private(set) var positions: [Int32] = []
    /// In the order of the axis, without gaps.
    public private(set) var segments: [Segment] = []

    public init() {}

    public var count: Int { tokens.count }

    /// Adds a segment. Its positions start after its prefix, or at 0 without a prefix. Returns the segment's range on the axis.
    @discardableResult
    public mutating func append(_ ids: some Collection<Int32>, after prefix: Range<Int>? = nil) -> Range<Int> {
        invariant(prefix.map { $0.upperBound <= tokens.count } ?? true, "a prefix lies before its segment")
        let range = tokens.count..<(tokens.count + ids.count)
        let start = Int32(prefix?.count ?? 0)
        tokens.append(contentsOf: ids)
        positions.append(contentsOf: (0..<Int32(ids.count)).map { start + $0 })
        segments.append(Segment(range: range, prefix: prefix))
        return range
    }

    /// `[T]` the number of tokens of each token's sequence: its segment and that segment's prefix. A prefix itself counts with
    /// its longest sequence.
    public var sequenceLengths: [Int32] {
        var lengths = [Int32](repeating: 0, count: tokens.count)
        for segment in segments {
            let length = Int32((segment.prefix?.count ?? 0) + segment.range.count)
            for token in segment.range { lengths[token] = length }
            for token in segment.prefix ?? 0..<0 { lengths[token] = max(lengths[token], length) }
        }
        return lengths
    }
}
