/// What a GGUF header says of one tensor, after every check.
public struct GGUFTensor: Equatable, Sendable {
    public let name: String
    public let type: GGUFTensorType
    /// Row-major, the last dimension the fastest: the reverse of the file's order.
    public let shape: [Int]
    /// Bytes from the start of the file.
    public let byteRange: Range<Int>

    public var elementCount: Int { shape.reduce(1, *) }
    /// All dimensions but the last.
    var rowCount: Int { shape.dropLast().reduce(1, *) }
    var columnCount: Int { shape.last ?? 1 }
    var rowByteCount: Int { columnCount / type.blockElementCount * type.blockByteCount }
}
