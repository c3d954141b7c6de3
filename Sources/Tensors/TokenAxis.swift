/// A stretch of the token axis that attends causally to itself and, whole, to an earlier `prefix`.
///
/// A plain document is one segment without a prefix; a preference pair is a prompt segment and two completion
/// segments that both have the prompt as prefix, so the prompt is computed once.
public struct Segment: Equatable, Sendable {
    /// Where its tokens lie on the axis.
    public var range: Range<Int>
    /// The segment seen whole by every token of this one; lies before `range` and has no prefix itself.
    public var prefix: Range<Int>?

    public init(range: Range<Int>, prefix: Range<Int>? = nil) {
        self.range = range
        self.prefix = prefix
    }
}

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
        precondition(prefix.map { $0.upperBound <= tokens.count } ?? true)
        let range = tokens.count..<(tokens.count + ids.count)
        let start = Int32(prefix?.count ?? 0)
        tokens.append(contentsOf: ids)
        positions.append(contentsOf: (0..<Int32(ids.count)).map { start + $0 })
        segments.append(Segment(range: range, prefix: prefix))
        return range
    }
}

/// One prediction that is scored: the hidden state at `position` of the axis predicts `target`.
///
/// A shared prompt's last position has one row for each completion.
public struct ScoredRow: Equatable, Sendable {
    public var position: Int
    public var target: Int32

    public init(position: Int, target: Int32) {
        self.position = position
        self.target = target
    }
}
