/// Bytes and rows of `metrics.jsonl`.
public struct MetricsPosition: Equatable, Sendable {
    public let bytes: Int
    public let rows: Int

    public init(bytes: Int, rows: Int) {
        self.bytes = bytes
        self.rows = rows
    }
}
