/// The progress of a preparation. Bytes and lines are summed over all inputs.
public struct PrepareProgress: Equatable, Sendable {
    public var linesRead: Int
    public var bytesRead: Int
    public var totalBytes: Int
}
