import Settings

/// The flat token axis of a micro-batch: `T` tokens, their positions, and who sees whom. There is no padding.
public struct TokenAxis: Equatable, Sendable {
    /// `[T]` token ids.
    public private(set) var tokens: [Int32] = []
    /// `[T]` rotary positions: a completion's go on from its prompt's length.
    public private(set) var positions: [Int32] = []
    /// In the order of the axis, without gaps.
    public private(set) var segments: [Segment] = []

    public init() {}

    public var count: Int { tokens.count }

    /// Adds a segment whose positions start after its prefix, at 0 without one. Returns where it lies.
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
}
