/// A GGUF file built byte by byte, right or wrong.
public struct GGUFBuilder: Sendable {
    public struct Tensor: Sendable {
        public var name: String
        /// The fastest dimension first, as files have it.
        public var dimensions: [Int]
        /// ggml's number.
        public var type: UInt32
        public var data: [UInt8]
        /// Where the description says that the data begin; nil for where they do.
        public var statedOffset: UInt64?

        public init(name: String, dimensions: [Int], type: UInt32 = 0, data: [UInt8], statedOffset: UInt64? = nil) {
            self.name = name
            self.dimensions = dimensions
            self.type = type
            self.data = data
            self.statedOffset = statedOffset
        }
    }

    public var magic = Array("GGUF".utf8)
    public var version: UInt32 = 3
    /// What is written in place of the true counts.
    public var statedTensorCount: UInt64?
    public var statedPairCount: UInt64?
    public var pairs: [(key: String, value: [UInt8])] = []
    public var tensors: [Tensor] = []
    public var alignment = 32
    /// Bytes between the last tensor's description and the padding.
    public var tail: [UInt8] = []

    public init() {}

    /// The whole file; nothing follows the last tensor's data, so that no shorter file is a good one.
    public var file: [UInt8] {
        var result = magic + littleEndian(version)
        result += littleEndian(statedTensorCount ?? UInt64(tensors.count))
        result += littleEndian(statedPairCount ?? UInt64(pairs.count))
        for pair in pairs { result += string(pair.key) + pair.value }
        var data: [UInt8] = []
        for tensor in tensors {
            data += padding(data.count)
            result += string(tensor.name) + littleEndian(UInt32(tensor.dimensions.count))
            result += tensor.dimensions.flatMap { littleEndian(UInt64($0)) }
            result += littleEndian(tensor.type) + littleEndian(tensor.statedOffset ?? UInt64(data.count))
            data += tensor.data
        }
        result += tail
        return result + padding(result.count) + data
    }

    private func padding(_ count: Int) -> [UInt8] {
        Array(repeating: 0, count: (alignment - count % alignment) % alignment)
    }

    public mutating func set(_ key: String, _ value: [UInt8]?) {
        let place = pairs.firstIndex { $0.key == key }
        switch (place, value) {
        case (let place?, let value?): pairs[place].value = value
        case (let place?, nil): pairs.remove(at: place)
        case (nil, let value?): pairs.append((key, value))
        case (nil, nil): break
        }
    }

    /// Changes the tensor of that name.
    public mutating func change(_ name: String, _ change: (inout Tensor) -> Void) {
        change(&tensors[tensors.firstIndex { $0.name == name }!])
    }
}

public func string(_ text: String) -> [UInt8] { littleEndian(UInt64(text.utf8.count)) + Array(text.utf8) }

public func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

public func bytes(_ values: [Float]) -> [UInt8] { values.flatMap { littleEndian($0.bitPattern) } }

/// Metadata values with their types.
public func text(_ value: String) -> [UInt8] { littleEndian(UInt32(8)) + string(value) }
public func whole(_ value: Int) -> [UInt8] { littleEndian(UInt32(4)) + littleEndian(UInt32(value)) }
public func float(_ value: Float) -> [UInt8] { littleEndian(UInt32(6)) + littleEndian(value.bitPattern) }
public func flag(_ value: Bool) -> [UInt8] { littleEndian(UInt32(7)) + [value ? 1 : 0] }
public func texts(_ values: [String]) -> [UInt8] {
    littleEndian(UInt32(9)) + littleEndian(UInt32(8)) + littleEndian(UInt64(values.count)) + values.flatMap(string)
}
public func wholes(_ values: [Int]) -> [UInt8] {
    littleEndian(UInt32(9)) + littleEndian(UInt32(5)) + littleEndian(UInt64(values.count))
        + values.flatMap { littleEndian(Int32($0)) }
}
