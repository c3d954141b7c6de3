/// The tokens of a text, and where each token starts in the text.
public struct TokenizedText: Equatable, Sendable {
    public var ids: [Int32]
    /// The byte of the text's UTF-8 at which each token starts, ascending. A special token that was added before or after the
    /// text starts at the text's beginning or end. In a text that normalisation changed, a start is exact up to a character
    /// with its marks.
    public var starts: [Int]
}
