import Checkpoints
import Collectives
import Datasets
import Settings

/// A dataset of the run: what record indices count in.
enum DatasetRole: Hashable, Sendable {
    case training
    /// By its place among the validation datasets.
    case validation(Int)
}

/// Log-probabilities that a frozen reference gave to records, kept from the first time on: `cache: memory`.
///
/// Every rank holds all of them. What the ranks of the data axis compute in a step is exchanged at its end, so a record may
/// be dealt to another rank in the next epoch, and all ranks of a tensor group decide alike whether the reference runs.
/// Values are the exact Doubles that were computed first: 8 bytes a scored row.
final class ReferenceCache {
    let reference: String
    private var tables: [DatasetRole: ReferenceTable]
    /// Computed since the latest `share`: for each record its index, its number of rows, and their values.
    private var fresh: [Double] = []

    init(reference: String, tables: [DatasetRole: ReferenceTable]) {
        self.reference = reference
        self.tables = tables
    }

    /// Whether all of `records` have values.
    func knows(_ records: [Int], of dataset: DatasetRole) -> Bool {
        records.allSatisfy { tables[dataset]![$0] != nil }
    }

    /// `[R]` the values of the micro-batch's scored rows; nil where one of its records is new.
    func values(for batch: PreparedMicroBatch) -> [Double]? {
        let table = tables[batch.dataset]!
        var values: [Double] = []
        values.reserveCapacity(batch.plan.targetRows.count)
        for (record, rows) in batch.recordRows {
            guard let known = table[record] else { return nil }
            precondition(
                known.count == rows.count, "record \(record) has \(rows.count) scored rows, its cached values are \(known.count)")
            values += known
        }
        return values
    }

    /// Takes up what was computed of the batch's new records; it is there after the next `share`.
    func keep(_ values: [Double], of batch: PreparedMicroBatch) {
        for (record, rows) in batch.recordRows where tables[batch.dataset]![record] == nil {
            fresh += [Double(record), Double(rows.count)]
            fresh += values[rows]
        }
    }

    /// Exchanges what was kept since the last call. Collective over `data`; nothing is sent where all of `records`, those
    /// of all ranks, were known before: every rank sees that alike.
    func share(_ records: [Int], of dataset: DatasetRole, over data: any ProcessGroup) throws(CollectiveError) {
        guard records.contains(where: { tables[dataset]![$0] == nil }) else { return }
        let own = fresh.withUnsafeBytes(Array.init)
        fresh = []
        for bytes in try data.gatherAll(own) {
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
    subscript(dataset: DatasetRole) -> RecordTable { tables[dataset]!.table }

    /// Puts a checkpoint's values back.
    ///
    /// - Throws: `Failure` (damaged data) where they can't be the dataset's.
    func restore(_ table: RecordTable, of dataset: DatasetRole, place: String) throws(Failure) {
        try tables[dataset]!.restore(table, place: place)
    }
}

/// The values of one dataset's records, in the order in which they came.
struct ReferenceTable {
    private(set) var table = RecordTable()
    /// Of each record, where its values are.
    private var ranges: [Range<Int>?]
    private let rowCount: (Int) -> Int?

    /// - Parameter rowCount: the scored rows of a record; nil where only its loss mask tells.
    init(recordCount: Int, rowCount: @escaping (Int) -> Int?) {
        ranges = Array(repeating: nil, count: recordCount)
        self.rowCount = rowCount
        // Memory that is reserved and not written to takes none.
        table.values.reserveCapacity((0..<recordCount).reduce(0) { $0 + (rowCount($1) ?? 0) })
    }

    subscript(record: Int) -> ArraySlice<Double>? { ranges[record].map { table.values[$0] } }

    mutating func add(_ values: ArraySlice<Double>, of record: Int) {
        precondition(ranges[record] == nil, "the values of record \(record) are known")
        let start = table.values.count
        table.values += values
        table.records.append(Int64(record))
        table.ends.append(Int64(table.values.count))
        ranges[record] = start..<table.values.count
    }

    mutating func restore(_ saved: RecordTable, place: String) throws(Failure) {
        precondition(table.records.isEmpty)
        var start = 0
        for (record, end) in zip(saved.records, saved.ends) {
            guard ranges.indices.contains(Int(record)), ranges[Int(record)] == nil,
                rowCount(Int(record)) ?? (Int(end) - start) == Int(end) - start
            else {
                throw .damaged(
                    place, "its values of record \(record) don't go with the dataset",
                    remedy: "Resume from an earlier step with --resume=STEP.")
            }
            add(saved.values[start..<Int(end)], of: Int(record))
            start = Int(end)
        }
    }
}

extension ResolvedRun {
    /// The run's datasets that references may know values of.
    var datasets: [(role: DatasetRole, name: String, file: DatasetFile)] {
        var datasets: [(role: DatasetRole, name: String, file: DatasetFile)] = []
        if let training { datasets.append((.training, "train", training)) }
        for (index, entry) in validation.enumerated() {
            datasets.append((.validation(index), "validation.\(entry.name)", entry.file))
        }
        return datasets
    }

    /// One for each reference that asks for it. An evaluation sees each record once and has none.
    func referenceCaches() -> [ReferenceCache] {
        guard training != nil else { return [] }
        let scoring = scoredTokens
        return cachedReferences.map { name in
            var tables: [DatasetRole: ReferenceTable] = [:]
            for dataset in datasets {
                let file = dataset.file
                tables[dataset.role] = ReferenceTable(recordCount: file.recordCount) {
                    file.scoredRowCount(of: $0, scoring)
                }
            }
            return ReferenceCache(reference: name, tables: tables)
        }
    }

    /// Scored rows that are certain to be seen, of all datasets. Steps may end before the first epoch does: of a run of so
    /// many steps only validation data are counted.
    var certainRowCount: Int {
        let isWhole = if case .epochs = configuration.schedule.length { true } else { false }
        let scoring = scoredTokens
        var count = 0
        for dataset in datasets where isWhole || dataset.role != .training {
            for record in 0..<dataset.file.recordCount {
                count += dataset.file.scoredRowCount(of: record, scoring) ?? 0
            }
        }
        return count
    }

    var cachedReferences: [String] {
        references.map(\.settings).filter { $0.cache == .memory && needs(ofReference: $0.name).logProbabilities }.map(\.name)
    }

    /// Distributions and hidden states are not kept: a reference that is asked for them runs every time.
    ///
    /// - Throws: `Failure` (configuration) naming the first such reference that is to be cached.
    func checkCaches() throws(Failure) {
        for reference in references.map(\.settings) where reference.cache == .memory {
            let needs = needs(ofReference: reference.name)
            guard needs.distributions || !needs.layers.isEmpty else { continue }
            throw .configuration(
                "\(configuration.file): references.\(reference.name).cache",
                "keeps log-probabilities only, but \(reference.name) is a teacher, whose distributions or hidden states are "
                    + "needed anew each time",
                remedy: "Set it to off, or leave it out.")
        }
    }
}
