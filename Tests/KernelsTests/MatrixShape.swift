import Testing

struct MatrixShape: Sendable, CustomTestStringConvertible {
    var rowCount: Int
    var columnCount: Int

    init(_ rowCount: Int, _ columnCount: Int) {
        self.rowCount = rowCount
        self.columnCount = columnCount
    }

    var testDescription: String { "\(rowCount) × \(columnCount)" }

    /// Odd widths around the vector length, and row counts around the limits of tiles.
    static let all = [
        MatrixShape(1, 1), MatrixShape(1, 3), MatrixShape(3, 7), MatrixShape(7, 8), MatrixShape(8, 9),
        MatrixShape(9, 17), MatrixShape(33, 15), MatrixShape(17, 33), MatrixShape(65, 65), MatrixShape(64, 31),
        MatrixShape(127, 127), MatrixShape(257, 48), MatrixShape(33, 300), MatrixShape(600, 23),
        MatrixShape(0, 9),
    ]
}
