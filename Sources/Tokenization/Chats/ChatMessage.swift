import Settings

/// One message of a chat.
public struct ChatMessage: Equatable, Sendable {
    public var role: ChatRole
    public var content: String

    public init(role: ChatRole, content: String) {
        self.role = role
        self.content = content
    }
}
