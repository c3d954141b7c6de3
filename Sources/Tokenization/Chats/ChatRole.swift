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
        let remedy =
            switch name {
            case "tool", "function", "ipython", "observation": "Leave the chat out: the use of tools can't be rendered yet."
            case "developer": "Use system in its place."
            default: "Use system, user or assistant."
            }
        throw .damaged(place, "the role \"\(name.printable)\" is not supported", remedy: remedy)
    }
}
