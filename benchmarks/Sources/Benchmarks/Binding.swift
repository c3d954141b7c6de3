/// How ranks and threads lie on the cores.
public struct Binding: Codable, Sendable {
    public var ranks: Int
    public var tensor: Int
    public var threads: Int
    /// The launcher's words.
    public var launcher: String
}
