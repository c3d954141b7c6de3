/// How one tensor of a file holds parameters of the model.
///
/// The tensor, untransposed, is a matrix of `columnCount` columns: the rows of its parts, one part after the other. Parameters
/// that are vectors are columns of one number a row.
public struct TensorLayout: Hashable, Sendable {
    /// Rows of a parameter.
    public struct Part: Hashable, Sendable {
        public let parameter: String
        /// The rows of the parameter. For a vector its elements.
        public let rows: Range<Int>
    }

    /// The name in the file.
    public let name: String
    /// The shape in the file.
    public let shape: [Int]
    /// Whether the file holds the matrix with rows and columns exchanged.
    public let isTransposed: Bool
    public let columnCount: Int
    /// In the order of the file's rows.
    public let parts: [Part]

    public var rowCount: Int { parts.reduce(0) { $0 + $1.rows.count } }

    /// Whether the tensor is one parameter in the same order.
    public var isPlain: Bool { !isTransposed && parts.count == 1 && parts[0].rows.lowerBound == 0 && !isOneHead }

    /// Whether the tensor is one of several that hold a parameter.
    let isOneHead: Bool

    init(name: String, shape: [Int], isTransposed: Bool = false, columnCount: Int, parts: [Part], isOneHead: Bool = false) {
        self.name = name
        self.shape = shape
        self.isTransposed = isTransposed
        self.columnCount = columnCount
        self.parts = parts
        self.isOneHead = isOneHead
    }

    /// The rows in the file that hold `parameter`, beside its own rows, in the order of the file.
    func places(of parameter: String) -> [(stored: Range<Int>, own: Range<Int>)] {
        var places: [(stored: Range<Int>, own: Range<Int>)] = []
        var first = 0
        for part in parts {
            if part.parameter == parameter { places.append((first..<first + part.rows.count, part.rows)) }
            first += part.rows.count
        }
        return places
    }
}
