import Settings

/// Where a record's sequences lie among the scored rows of its micro-batch.
///
/// A new form of record is a set of names, not a new type: an objective reads the sequences that it knows.
public struct RecordLayout: Equatable, Sendable {
    /// The record's index in its dataset.
    public let record: Int
    /// Rows of each scored sequence.
    public private(set) var sequences: [SequenceName: Range<Int>]

    public init(record: Int, _ sequences: [SequenceName: Range<Int>] = [:]) {
        self.record = record
        self.sequences = sequences
    }

    /// The rows of a sequence that the record has. `sequences` tells whether it has one.
    public subscript(name: SequenceName) -> Range<Int> {
        get {
            guard let rows = sequences[name] else { brokenInvariant("record \(record) has no sequence \(name.rawValue) that is scored") }
            return rows
        }
        set { sequences[name] = newValue }
    }

    /// All rows of the record, which lie together.
    public var rows: Range<Int> {
        guard let first = sequences.values.map(\.lowerBound).min(), let end = sequences.values.map(\.upperBound).max()
        else { return 0..<0 }
        return first..<end
    }
}
