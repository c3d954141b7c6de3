import Settings

/// The rows of a record's sequences among the scored rows of its micro-batch.
///
/// A new kind of record is a set of sequence names, not a new type. An objective reads the sequences that it knows.
public struct RecordLayout: Equatable, Sendable {
    /// The record's index in its dataset.
    public let record: Int
    /// Rows of each scored sequence.
    public private(set) var sequences: [SequenceName: Range<Int>]

    public init(record: Int, _ sequences: [SequenceName: Range<Int>] = [:]) {
        self.record = record
        self.sequences = sequences
    }

    /// The rows of a sequence. The record must have the sequence; `sequences` tells whether it does.
    public subscript(name: SequenceName) -> Range<Int> {
        get {
            guard let rows = sequences[name] else { brokenInvariant("record \(record) has no scored sequence \(name.rawValue)") }
            return rows
        }
        set { sequences[name] = newValue }
    }

    /// All rows of the record. They are contiguous.
    public var rows: Range<Int> {
        guard let first = sequences.values.map(\.lowerBound).min(), let end = sequences.values.map(\.upperBound).max()
        else { return 0..<0 }
        return first..<end
    }
}
