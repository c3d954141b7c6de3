import Checkpoints
import Collectives
import Datasets
import Settings

/// Log-probabilities that a frozen reference gave to records, kept from the first time on: `cache: memory`.
///
/// Every rank holds all of them. What the ranks of the data axis compute in a step is exchanged at its end, so a record may
/// be dealt to another rank in the next epoch, and all ranks of a tensor group decide alike whether the reference runs.
/// Values are the exact Doubles that were computed first: 8 bytes a scored row.
package final class ReferenceCache {
    package let reference: String
    private var tables: [DatasetRole: ReferenceTable]
    /// Computed since the latest `share`: for each record its index, its number of rows, and their values.
    private var fresh: [Double] = []

    package init(reference: String, tables: [DatasetRole: ReferenceTable]) {
        self.reference = reference
        self.tables = tables
    }

    /// Whether all of `records` have values.
    package func knows(_ records: [Int], of dataset: DatasetRole) -> Bool {
        records.allSatisfy { tables[dataset]![$0] != nil }
    }

    /// `[R]` the values of the micro-batch's scored rows; nil where one of its records is new.
    package func values(for batch: PreparedMicroBatch) throws(CollectiveError) -> [Double]? {
        let table = tables[batch.dataset]!
        var values: [Double] = []
        values.reserveCapacity(batch.plan.targetRows.count)
        for layout in batch.records {
            let (record, rows) = (layout.record, layout.rows)
            guard let known = table[record] else { return nil }
            // Only a loss mask tells how many rows some records have: a checkpoint's values were not compared with it.
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

    /// Takes up what was computed of the batch's new records; it is there after the next `share`.
    package func keep(_ values: [Double], of batch: PreparedMicroBatch) {
        for layout in batch.records where tables[batch.dataset]![layout.record] == nil {
            fresh += [Double(layout.record), Double(layout.rows.count)]
            fresh += values[layout.rows]
        }
    }

    /// Exchanges what was kept since the last call. Collective over `data`; nothing is sent where all of `records`, those
    /// of all ranks, were known before: every rank sees that alike.
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

    /// What a checkpoint holds of one dataset.
    package subscript(dataset: DatasetRole) -> RecordTable { tables[dataset]!.table }

    /// Puts a checkpoint's values back.
    ///
    /// - Throws: `Failure` (damaged data) where they can't be the dataset's.
    package func restore(_ table: RecordTable, of dataset: DatasetRole, place: String) throws(Failure) {
        try tables[dataset]!.restore(table, place: place)
    }
}
