/// A stretch of the token axis. Its tokens attend causally to each other, and to all tokens of an earlier `prefix`.
///
/// A plain document is one segment without a prefix; a preference pair is a prompt segment and two completion
/// segments that both have the prompt as prefix, so the prompt is computed once.
public struct Segment: Equatable, Sendable {
    /// The segment's tokens on the axis.
    public var range: Range<Int>
    /// Another segment, all of which every token of this one sees. It lies before `range` and has no prefix itself.
    public var prefix: Range<Int>?

    public init(range: Range<Int>, prefix: Range<Int>? = nil) {
        self.range = range
        self.prefix = prefix
    }
}
