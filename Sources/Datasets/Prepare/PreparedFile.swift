import Files

/// The figures of one written dataset file.
public struct PreparedFile: Equatable, Sendable {
    public var path: String
    public var records = 0
    /// Tokens stored, a pair's prompt counted once.
    public var tokens = 0
    /// Tokens with a pair's prompt counted for each completion.
    public var sequenceTokens = 0
    /// Lengths of each record's longest sequence, in tokens. The median of an even count is the lower of the middle two.
    public var lengths: LengthFigures
    /// The same lengths in bars, shortest first.
    public var histogram: [LengthBar]
}
