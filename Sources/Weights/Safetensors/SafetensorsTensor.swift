import Tensors

/// The header entry of one tensor in a safetensors file, after all checks.
public struct SafetensorsTensor: Equatable, Sendable {
    public let name: String
    public let type: SafetensorsType
    /// The shape of row-major data. Empty for a single number.
    public let shape: [Int]
    /// Bytes from the start of the file's data section, which follows the header.
    public let byteRange: Range<Int>

    public var elementCount: Int { shape.reduce(1, *) }
    public var byteCount: Int { byteRange.count }
}
