extension String {
    /// The text with spaces after it up to `width`. A longer text is not cut.
    public func filled(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

/// A table of text. The first column is aligned left, the others right.
public struct TextTable {
    private var rows: [[String]]

    public init(_ heading: [String]) { rows = [heading] }

    public mutating func add(_ row: [String]) { rows.append(row) }

    public var text: String {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max()! }
        return rows.map { row in
            row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + space : space + cell
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
