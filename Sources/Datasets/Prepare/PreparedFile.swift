import Files

/// One dataset file that was written.
public struct PreparedFile: Equatable, Sendable {
    public var path: String
    public var records = 0
    /// Tokens stored, a prompt once.
    public var tokens = 0
    /// Each completion with its own prompt.
    public var sequenceTokens = 0
    /// Of the longest sequence of each record, in tokens. The median of an even count is the lower of the middle two.
    public var lengths: LengthFigures
    /// The same lengths in bars, shortest first.
    public var histogram: [LengthBar]
}
