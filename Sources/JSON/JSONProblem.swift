/// Why bytes are not one JSON value. Who read them says which file, and what to do about it.
public struct JSONProblem: Error, Equatable, Sendable {
    /// Part of one line: what it quotes of the bytes is escaped and cut.
    public let reason: String
    /// From 0.
    public let offset: Int
}
