/// The tokens of a text, and where each begins in it.
public struct TokenizedText: Equatable, Sendable {
    public var ids: [Int32]
    /// The byte of the text's UTF-8 at which each token starts, ascending. A special token that was put before or
    /// after the text starts at its beginning or end. Where normalisation changed the text, exact up to a character
    /// with its marks.
    public var starts: [Int]
}
