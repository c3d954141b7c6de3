/// Where a record's sequences lie among the scored rows of its micro-batch, and the numbers that it brings along.
///
/// A new form of record is a set of names, not a new type: an objective reads the sequences that it knows.
public struct RecordLayout: Equatable, Sendable {
    /// The record's index in its dataset.
    public let record: Int
    /// Rows of each scored sequence.
    public private(set) var sequences: [SequenceName: Range<Int>] = [:]
    public var numbers: [RecordNumber: Double] = [:]

    public init(record: Int, _ sequences: [SequenceName: Range<Int>] = [:], numbers: [RecordNumber: Double] = [:]) {
        self.record = record
        self.sequences = sequences
        self.numbers = numbers
    }

    /// The rows of a sequence; empty where the record has no such sequence, or where it is not scored.
    public subscript(name: SequenceName) -> Range<Int> {
        get { sequences[name] ?? 0..<0 }
        set { sequences[name] = newValue }
    }

    /// All rows of the record, which lie together.
    public var rows: Range<Int> {
        guard let first = sequences.values.map(\.lowerBound).min(), let end = sequences.values.map(\.upperBound).max()
        else { return 0..<0 }
        return first..<end
    }
}
