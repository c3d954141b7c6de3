import Checkpoints
import Collectives
import Datasets
import Settings

/// Log-probabilities that a frozen reference gave to records, kept from their first computation on: `cache: memory`.
///
/// Every rank holds all values. The data ranks exchange new values at the end of a step. So a record may go to another rank
/// in the next epoch, and all ranks of a tensor group decide alike whether the reference runs. Values are the exact Doubles
/// of the first computation: 8 bytes for each scored row.
package final class ReferenceCache {
    package let reference: String
    private var tables: [DatasetRole: ReferenceTable]
    /// Computed since the last `share`: for each record its index, its number of rows, and its values.
    private var fresh: [Double] = []

    package init(reference: String, tables: [DatasetRole: ReferenceTable]) {
        self.reference = reference
        self.tables = tables
    }

    /// Whether all `records` have values.
    package func knows(_ records: [Int], of dataset: DatasetRole) -> Bool {
        records.allSatisfy { tables[dataset]![$0] != nil }
    }

    /// `[R]` the values of the micro-batch's scored rows; nil if one of its records is new.
    package func values(for batch: PreparedMicroBatch) throws(CollectiveError) -> [Double]? {
        let table = tables[batch.dataset]!
        var values: [Double] = []
        values.reserveCapacity(batch.plan.targetRows.count)
        for layout in batch.records {
            let (record, rows) = (layout.record, layout.rows)
            guard let known = table[record] else { return nil }
            // For some records only a loss mask tells the number of rows, so `restore` could not check a checkpoint's
            // values.
            guard known.count == rows.count else {
                throw CollectiveError(
                    .damaged(
                        "cached values of reference \(reference)",
                        "are \(known.count) of record \(record), which has \(rows.count) scored rows",
                        remedy: "Set references.\(reference).cache: off, or go back to an earlier checkpoint with --resume=STEP."))
            }
            values += known
        }
        return values
    }

    /// Keeps the values of the batch's new records. The next `share` adds them to the table.
    package func keep(_ values: [Double], of batch: PreparedMicroBatch) {
        for layout in batch.records where tables[batch.dataset]![layout.record] == nil {
            fresh += [Double(layout.record), Double(layout.rows.count)]
            fresh += values[layout.rows]
        }
    }

    /// Exchanges the values kept since the last call. Collective over `data`. Nothing is sent if all `records` (those of
    /// all ranks) were known before; every rank decides this alike.
    package func share(_ records: [Int], of dataset: DatasetRole, over data: any ProcessGroup) throws(CollectiveError) {
        guard records.contains(where: { tables[dataset]![$0] == nil }) else { return }
        let own = fresh.withUnsafeBytes(Array.init)
        fresh = []
        for bytes in try data.allGather(own) {
            let values = bytes.withUnsafeBytes { raw in
                (0..<(raw.count / 8)).map { raw.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
            }
            var index = 0
            while index < values.count {
                let rows = (index + 2)..<(index + 2 + Int(values[index + 1]))
                tables[dataset]!.add(values[rows], of: Int(values[index]))
                index = rows.upperBound
            }
        }
    }

    /// The values of one dataset, as saved in a checkpoint.
    package subscript(dataset: DatasetRole) -> RecordTable { tables[dataset]!.table }

    /// Restores the values of a checkpoint.
    ///
    /// - Throws: `Failure` (damaged data) if they don't fit the dataset.
    package func restore(_ table: RecordTable, of dataset: DatasetRole, place: String) throws(Failure) {
        try tables[dataset]!.restore(table, place: place)
    }
}
