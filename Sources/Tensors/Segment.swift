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
