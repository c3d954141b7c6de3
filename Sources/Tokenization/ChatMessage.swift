import Settings

/// Who speaks.
public enum ChatRole: String, Sendable, CaseIterable {
    case system
    case user
    case assistant

    /// The role that `name` names.
    ///
    /// - Throws: `Failure` (damaged data) at `place` for any other name: what a template would make of it is not known.
    public static func named(_ name: String, place: String) throws(Failure) -> ChatRole {
        if let role = ChatRole(rawValue: name) { return role }
        throw .damaged(
            place, "the role \"\(name.printable)\" is not supported",
            remedy: "Use system, user or assistant.")
    }
}

/// One message of a chat.
public struct ChatMessage: Equatable, Sendable {
    public var role: ChatRole
    public var content: String

    public init(role: ChatRole, content: String) {
        self.role = role
        self.content = content
    }
}

/// A chat as the text that a model reads.
public struct RenderedChat: Equatable, Sendable {
    public var text: String
    /// The assistant's turns, in bytes of the text's UTF-8: each the content and, where the template has one, the
    /// token that ends the turn. What a loss over the assistant's words counts.
    public var assistantTurns: [Range<Int>]
}
