import Files
import Hashing
import JSON
import Settings
import Tensors

/// Writes a safetensors file in one pass: the tensors are declared first, then their rows follow in the same order.
///
/// The file is complete only after `finish()`. A writer that is dropped before leaves an incomplete file.
public struct SafetensorsWriter: ~Copyable {
    /// One declared tensor.
    public struct Tensor: Equatable, Sendable {
        public let name: String
        /// float32 or bfloat16.
        public let elementType: ElementType
        /// The shape of row-major data. A vector has one dimension.
        public let shape: [Int]

        public init(name: String, elementType: ElementType, shape: [Int]) {
            invariant(elementType != .float16, "nothing is exported as float16")
            invariant(shape.allSatisfy { $0 >= 0 }, "a shape is not negative")
            self.name = name
            self.elementType = elementType
            self.shape = shape
        }

        /// The product of all dimensions but the last.
        var rowCount: Int { shape.dropLast().reduce(1, *) }
        var columnCount: Int { shape.last ?? 1 }
        var byteCount: Int { rowCount * columnCount * elementType.byteCount }
    }

    private let file: FileWriter
    private let tensors: [Tensor]
    private var current = 0
    private var rowsWritten = 0

    /// Creates the file and writes its header. Names must differ.
    ///
    /// - Throws: `Failure` (input/output).
    public init(path: String, tensors: [Tensor], metadata: [String: String] = [:]) throws(Failure) {
        invariant(Set(tensors.map(\.name)).count == tensors.count, "two tensors of one name")
        invariant(!tensors.contains { $0.name == "__metadata__" }, "no tensor is called __metadata__")
        let header = SafetensorsWriter.header(tensors, metadata: metadata)
        let file = try FileWriter(path: path)
        try file.write((0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) })
        try file.write(header)
        self.file = file
        self.tensors = tensors
        skipEmpty()
    }

    /// The header, padded with spaces so that the data after it are aligned to 8 bytes.
    private static func header(_ tensors: [Tensor], metadata: [String: String]) -> [UInt8] {
        var members: [JSONValue.Member] = []
        if !metadata.isEmpty {
            let sorted = metadata.sorted { $0.key < $1.key }
            let values = sorted.map { JSONValue.Member(name: JSONString($0.key), value: .text($0.value)) }
            members.append(.init(name: "__metadata__", value: .object(values)))
        }
        var offset = 0
        for tensor in tensors {
            let end = offset + tensor.byteCount
            members.append(
                .init(
                    name: JSONString(tensor.name),
                    value: .object([
                        .init(name: "dtype", value: .text(tensor.elementType.rawValue)),
                        .init(name: "shape", value: .array(tensor.shape.map { .integer($0) })),
                        .init(name: "data_offsets", value: .array([.integer(offset), .integer(end)])),
                    ])))
            offset = end
        }
        let text = Array(JSONValue.object(members).compact.utf8)
        invariant(text.count <= SafetensorsHeader.byteLimit - 8, "a header is within its limit")
        return text + Array(repeating: 0x20, count: (8 - text.count % 8) % 8)
    }

    /// Writes the next rows of tensor `name`, which must be the next unfinished tensor. A vector is one row.
    ///
    /// - Throws: `Failure` (input/output), for instance on a full disk.
    public mutating func append(_ rows: Matrix, to name: String) throws(Failure) {
        invariant(current < tensors.count, "\(name): every declared tensor is written already")
        let tensor = tensors[current]
        invariant(tensor.name == name, "\(name): it is the turn of \(tensor.name)")
        invariant(
            rows.columnCount == tensor.columnCount && rowsWritten + rows.rowCount <= tensor.rowCount,
            "rows are as wide as their tensor, and no more than it has")
        try file.write(rows, as: tensor.elementType)
        rowsWritten += rows.rowCount
        skipEmpty()
    }

    /// Skips finished and empty tensors.
    private mutating func skipEmpty() {
        while current < tensors.count, tensors[current].byteCount == 0 || rowsWritten == tensors[current].rowCount {
            current += 1
            rowsWritten = 0
        }
    }

    /// Brings the file to disk and closes it. Every declared row must have been appended.
    ///
    /// - Returns: the digest of the file.
    /// - Throws: `Failure` (input/output).
    @discardableResult
    public mutating func finish() throws(Failure) -> FileDigest {
        invariant(current == tensors.count, "\(tensors[min(current, tensors.count - 1)].name): rows are missing")
        return try file.finish()
    }

    /// Closes the file without completing it.
    func abandon() { file.close() }
}
