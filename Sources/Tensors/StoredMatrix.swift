import Settings

/// A read-only view of weights in the type of the file that they are mapped from, `stride` elements from row to row.
///
/// A vector is a matrix of one row. Shards are sub-matrices: no copy is made until a kernel upcasts one.
public struct StoredMatrix: @unchecked Sendable {
    public let storage: Storage
    /// Bytes from the storage's start; safetensors data may be misaligned.
    public let byteOffset: Int
    public let elementType: ElementType
    public let rowCount: Int
    public let columnCount: Int
    public let stride: Int

    public init(
        storage: Storage, byteOffset: Int, elementType: ElementType, rowCount: Int, columnCount: Int, stride: Int? = nil
    ) {
        let stride = stride ?? columnCount
        // An empty part may begin behind the storage's end: nothing of it is ever read.
        let isEmpty = rowCount == 0 || columnCount == 0
        let extent = isEmpty ? 0 : (rowCount - 1) * stride + columnCount
        invariant(
            byteOffset >= 0 && (isEmpty || byteOffset + extent * elementType.byteCount <= storage.byteCount), "a stored matrix lies in its memory")
        self.storage = storage
        self.byteOffset = byteOffset
        self.elementType = elementType
        self.rowCount = rowCount
        self.columnCount = columnCount
        self.stride = stride
    }

    public func rows(_ range: Range<Int>) -> StoredMatrix {
        invariant(range.lowerBound >= 0 && range.upperBound <= rowCount, "rows lie in their matrix")
        return StoredMatrix(
            storage: storage, byteOffset: byteOffset + range.lowerBound * stride * elementType.byteCount,
            elementType: elementType, rowCount: range.count, columnCount: columnCount, stride: stride)
    }

    public func columns(_ range: Range<Int>) -> StoredMatrix {
        invariant(range.lowerBound >= 0 && range.upperBound <= columnCount, "columns lie in their matrix")
        return StoredMatrix(
            storage: storage, byteOffset: byteOffset + range.lowerBound * elementType.byteCount,
            elementType: elementType, rowCount: rowCount, columnCount: range.count, stride: stride)
    }

    /// The same memory as floats if it holds floats at an aligned address; nil if it must be upcast.
    public var asFloats: Matrix? {
        let address = storage.base + byteOffset
        guard elementType == .float32, Int(bitPattern: address) % MemoryLayout<Float>.alignment == 0 else { return nil }
        return Matrix(
            storage: storage, pointer: address.assumingMemoryBound(to: Float.self),
            rowCount: rowCount, columnCount: columnCount, stride: stride)
    }

    /// Writes every element as a float. The upcast is exact: float32 has every number of each stored type.
    public func upcast(into destination: Matrix) {
        invariant(destination.rowCount == rowCount && destination.columnCount == columnCount, "an upcast matrix has the stored one's shape")
        for index in 0..<rowCount {
            let source = storage.base + byteOffset + index * stride * elementType.byteCount
            let target = destination.row(index)
            switch elementType {
            case .float32:
                UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: columnCount * 4)
            case .bfloat16:
                for column in 0..<columnCount {
                    let bits = source.loadUnaligned(fromByteOffset: 2 * column, as: UInt16.self)
                    target[column] = Float(bitPattern: UInt32(bits) << 16)
                }
            case .float16:
                for column in 0..<columnCount {
                    let bits = source.loadUnaligned(fromByteOffset: 2 * column, as: UInt16.self)
                    target[column] = upcastFloat16(bits)
                }
            }
        }
    }
}

/// IEEE binary16 bits as the float of the same value, subnormals, infinities and NaN included.
@inlinable
func upcastFloat16(_ bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let magnitude = UInt32(bits & 0x7FFF)
    if magnitude >= 0x7C00 {
        return Float(bitPattern: sign | 0x7F80_0000 | (magnitude & 0x3FF) << 13)
    }
    // 2^112 moves the exponent's bias from 15 to 127, and makes subnormals normal.
    let scaled = Float(bitPattern: magnitude << 13) * Float(bitPattern: UInt32(127 + 112) << 23)
    return Float(bitPattern: sign | scaled.bitPattern)
}

extension StoredMatrix {
    /// A copy in another type, in new memory; bfloat16 rounds to nearest, ties to even.
    public func converted(to type: ElementType) -> StoredMatrix {
        let copy = StoredMatrix(
            storage: Storage(floatCount: (rowCount * columnCount * type.byteCount + 3) / 4), byteOffset: 0, elementType: type,
            rowCount: rowCount, columnCount: columnCount)
        convert(into: copy)
        return copy
    }

    /// Writes every element into `copy`, converted to the type of `copy`.
    public func convert(into copy: StoredMatrix) {
        let type = copy.elementType
        invariant(type != .float16, "frozen weights are held as float32 or bfloat16")
        invariant(
            copy.rowCount == rowCount && copy.columnCount == columnCount && copy.stride == columnCount, "a copy has its source's shape, without gaps")
        let floats = Matrix(rowCount: 1, columnCount: columnCount)
        for row in 0..<rowCount {
            rows(row..<(row + 1)).upcast(into: floats)
            let target = copy.storage.base + copy.byteOffset + row * columnCount * type.byteCount
            if type == .float32 {
                target.copyMemory(from: floats.pointer, byteCount: columnCount * 4)
            } else {
                for column in 0..<columnCount {
                    target.storeBytes(of: bfloat16Bits(floats.pointer[column]), toByteOffset: 2 * column, as: UInt16.self)
                }
            }
        }
    }
}

/// Bits of the nearest bfloat16, ties to even. NaN stays NaN (quiet, with a shortened payload). A magnitude half a unit or
/// more above the largest bfloat16 becomes infinite.
@inlinable
public func bfloat16Bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(bits >> 16) | 0x40 }
    return UInt16((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16)
}
