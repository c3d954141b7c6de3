import Foundation
import Runs
import Settings

/// The dump of a failed step as text.
public struct DumpTable {
    private let dump: StepDump
    private let rows: [[Float]]

    /// The most columns that are shown of a row.
    private static let columnLimit = 6
    /// The most records or tokens that are listed.
    private static let tokenLimit = 64

    /// - Throws: `Failure` if the folder holds no dump.
    public init(folder: String) throws(Failure) { (dump, rows) = try StepDump.read(folder) }

    public var lines: [String] {
        let entries = [
            ("step", "\(dump.step), loss \(dump.loss), gradient norm \(dump.gradientNorm)"),
            ("rank", "\(dump.rank) (data \(dump.dataRank), tensor \(dump.tensorRank))"),
            ("micro-batch", dump.microBatch.map { "\($0)" } ?? "none: only the sum of all micro-batches is wrong"),
            ("records", dump.records.isEmpty ? "none" : "\(list(dump.records)) of \(dump.dataset)"),
            ("tokens", dump.tokens.isEmpty ? "none" : list(dump.tokens)),
            ("parameters", dump.parameters.isEmpty ? "all are finite" : "not finite: \(dump.parameters.joined(separator: ", "))"),
        ]
        var table = TextTable(["tensor", "shape", "minimum", "maximum", "not finite"])
        for tensor in dump.tensors {
            let shape = tensor.shape.map(String.init).joined(separator: " × ")
            table.add([tensor.name, shape, shown(tensor.minimum), shown(tensor.maximum), "\(tensor.nonFiniteCount)"])
        }
        return entries.map { $0.0.filled(to: 12) + $0.1 } + ["", table.text] + firstRows
    }

    /// The dumped rows of the last tensor. The columns start at the first value that is not finite, or near the row's end.
    private var firstRows: [String] {
        guard let name = dump.tensors.last?.name, !rows.isEmpty else { return [] }
        let wrong = rows.lazy.compactMap { $0.firstIndex { !$0.isFinite } }.first ?? 0
        let start = max(0, min(wrong, rows[0].count - DumpTable.columnLimit))
        let columns = start..<min(rows[0].count, start + DumpTable.columnLimit)
        var table = TextTable(["row"] + columns.map { "column \($0)" })
        for (index, row) in rows.enumerated() {
            table.add(["\(dump.firstRow &+ index)"] + row[columns].map { String(format: "%g", $0) })
        }
        return ["", name, table.text]
    }

    private func list(_ values: [some FixedWidthInteger]) -> String {
        let shown = values.prefix(DumpTable.tokenLimit).map { "\($0)" }.joined(separator: ", ")
        return values.count > DumpTable.tokenLimit ? "\(shown) and \(values.count - DumpTable.tokenLimit) more" : shown
    }

    private func shown(_ value: Double?) -> String { value.map { String(format: "%g", $0) } ?? "none" }
}
