import Tensors

/// What a safetensors header says of one tensor, after every check.
public struct SafetensorsTensor: Equatable, Sendable {
    public let name: String
    public let type: SafetensorsType
    /// Row-major; empty for a single number.
    public let shape: [Int]
    /// Bytes from the start of the file's data section, which follows the header.
    public let byteRange: Range<Int>

    public var elementCount: Int { shape.reduce(1, *) }
    public var byteCount: Int { byteRange.count }
}
