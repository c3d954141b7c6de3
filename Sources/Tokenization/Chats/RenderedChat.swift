import Settings

/// A chat as the text that a model reads.
public struct RenderedChat: Equatable, Sendable {
    public var text: String
    /// The assistant's turns, in bytes of the text's UTF-8: each the content and, where the template has one, the
    /// token that ends the turn. What a loss over the assistant's words counts.
    public var assistantTurns: [Range<Int>]
}
