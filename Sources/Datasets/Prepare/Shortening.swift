/// What a record has lost that was too long.
public enum Shortening: String, Sendable, CaseIterable {
    /// Tokens of the prompt's beginning, or of the text's.
    case beginning
    /// The oldest exchanges of the chat.
    case exchanges
    /// The system's turn.
    case systemTurn
}
