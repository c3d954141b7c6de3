/// The header entry of one tensor in a GGUF file, after all checks.
public struct GGUFTensor: Equatable, Sendable {
    public let name: String
    public let type: GGUFTensorType
    /// The shape in row-major order, with the fastest dimension last. The file has the reverse order.
    public let shape: [Int]
    /// Bytes from the start of the file.
    public let byteRange: Range<Int>

    public var elementCount: Int { shape.reduce(1, *) }
    /// The product of all dimensions but the last.
    var rowCount: Int { shape.dropLast().reduce(1, *) }
    var columnCount: Int { shape.last ?? 1 }
    var rowByteCount: Int { columnCount / type.blockElementCount * type.blockByteCount }
}
