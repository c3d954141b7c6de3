/// How far a preparation is. Bytes and lines are over all inputs.
public struct PrepareProgress: Equatable, Sendable {
    public var linesRead: Int
    public var bytesRead: Int
    public var totalBytes: Int
}
