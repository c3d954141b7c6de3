/// A file and the name that figures about it carry.
public struct NamedFile: Equatable, Sendable {
    /// `validation` unless the configuration names it.
    public var name: String
    public var path: String

    public init(name: String, path: String) {
        self.name = name
        self.path = path
    }
}
