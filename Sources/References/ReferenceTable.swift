import Checkpoints
import Settings

/// The values of one dataset's records, in the order of their arrival.
package struct ReferenceTable {
    private(set) var table = RecordTable()
    /// For each record, the range of its values.
    private var ranges: [Range<Int>?]
    private let rowCount: (Int) -> Int?

    /// - Parameter rowCount: returns the scored rows of a record; nil if only its loss mask tells.
    package init(recordCount: Int, rowCount: @escaping (Int) -> Int?) {
        ranges = Array(repeating: nil, count: recordCount)
        self.rowCount = rowCount
        // Reserved memory takes no room until it is written.
        table.values.reserveCapacity((0..<recordCount).reduce(0) { $0 + (rowCount($1) ?? 0) })
    }

    subscript(record: Int) -> ArraySlice<Double>? { ranges[record].map { table.values[$0] } }

    mutating func add(_ values: ArraySlice<Double>, of record: Int) {
        invariant(ranges[record] == nil, "the values of record \(record) are known")
        let start = table.values.count
        table.values += values
        table.records.append(Int64(record))
        table.ends.append(Int64(table.values.count))
        ranges[record] = start..<table.values.count
    }

    mutating func restore(_ saved: RecordTable, place: String) throws(Failure) {
        invariant(table.records.isEmpty, "a table is restored before it is filled")
        var start = 0
        for (record, end) in zip(saved.records, saved.ends) {
            guard ranges.indices.contains(Int(record)), ranges[Int(record)] == nil,
                rowCount(Int(record)) ?? (Int(end) - start) == Int(end) - start
            else {
                throw .damaged(
                    place, "its values of record \(record) don't fit the dataset",
                    remedy: "Resume from an earlier step with --resume=STEP.")
            }
            add(saved.values[start..<Int(end)], of: Int(record))
            start = Int(end)
        }
    }
}
