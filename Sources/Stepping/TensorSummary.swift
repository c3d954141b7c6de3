import JSON
import Tensors

/// A summary of a tensor in a few numbers.
public struct TensorSummary: Equatable, Sendable {
    public var name: String
    /// Rows and columns of this rank's part.
    public var shape: [Int]
    /// Smallest and largest finite value; nil if no value is finite.
    public var minimum: Double?
    public var maximum: Double?
    public var nonFiniteCount: Int
    /// The first row with a value that is not finite.
    public var firstRow: Int?

    var elementCount: Int { shape.reduce(1, *) }
    public var isFinite: Bool { nonFiniteCount == 0 }

    init(_ name: String, _ matrix: Matrix) {
        self.init(name, shape: [matrix.rowCount, matrix.columnCount])
        for row in 0..<matrix.rowCount {
            for column in 0..<matrix.columnCount { add(Double(matrix[row, column]), row: row) }
        }
    }

    /// Summarises Double values, one row for each.
    init(_ name: String, _ values: [Double]) {
        self.init(name, shape: [values.count, 1])
        for (index, value) in values.enumerated() { add(value, row: index) }
    }

    private init(_ name: String, shape: [Int]) {
        self.name = name
        self.shape = shape
        nonFiniteCount = 0
    }

    private mutating func add(_ value: Double, row: Int) {
        guard value.isFinite else {
            nonFiniteCount += 1
            if firstRow == nil { firstRow = row }
            return
        }
        minimum = min(minimum ?? value, value)
        maximum = max(maximum ?? value, value)
    }
}

extension TensorSummary: JSONRepresentable {
    public var json: JSONValue {
        .fields([
            "name": name, "shape": shape, "minimum": minimum, "maximum": maximum, "non_finite": nonFiniteCount,
            "first_row": firstRow,
        ])
    }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        name = try fields["name"]
        shape = try fields["shape"]
        minimum = try fields["minimum"]
        maximum = try fields["maximum"]
        nonFiniteCount = try fields["non_finite"]
        firstRow = try fields["first_row"]
    }
}
