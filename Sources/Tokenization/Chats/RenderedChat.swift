import Settings

/// A chat as the text that a model reads.
public struct RenderedChat: Equatable, Sendable {
    public var text: String
    /// The assistant's turns, in bytes of the text's UTF-8. Each turn has the content and, if the template writes one, the
    /// token that ends the turn. A loss over the assistant's turns counts these bytes.
    public var assistantTurns: [Range<Int>]
}
