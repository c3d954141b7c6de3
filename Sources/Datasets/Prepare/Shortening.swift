/// The part that was cut from a record that was too long.
public enum Shortening: String, Sendable, CaseIterable {
    /// Tokens at the beginning of the prompt or of the text.
    case beginning
    /// The oldest exchanges of the chat.
    case exchanges
    /// The messages of the system at the beginning.
    case systemTurn
}
