/// A file with a name, which marks the file's figures in reports.
public struct NamedFile: Equatable, Sendable {
    /// `validation`, unless the configuration gives the file a name.
    public var name: String
    public var path: String

    public init(name: String, path: String) {
        self.name = name
        self.path = path
    }
}
