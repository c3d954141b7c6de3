import Settings

/// Who speaks.
public enum ChatRole: String, Sendable, CaseIterable {
    case system
    case user
    case assistant

    /// The role that `name` names.
    ///
    /// - Throws: `Failure` (damaged data) at `place` for any other name, because templates render other roles differently.
    public static func named(_ name: String, place: String) throws(Failure) -> ChatRole {
        if let role = ChatRole(rawValue: name) { return role }
        let remedy =
            switch name {
            case "tool", "function", "ipython", "observation": "Leave the chat out: tool messages can't be rendered yet."
            case "developer": "Use system instead."
            default: "Use system, user or assistant."
            }
        throw .damaged(place, "the role \"\(name.printable)\" is not supported", remedy: remedy)
    }
}
