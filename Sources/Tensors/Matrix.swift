import Settings

/// A row-major view of `rows × columns` floats, `stride` floats from row to row. Copies share the memory.
///
/// A part of a matrix (rows, columns) is again a matrix without a copy: shards of weights and panels of activations
/// are views. Not for persistent values that must not alias: a view never copies on write.
public struct Matrix: @unchecked Sendable {
    public let storage: Storage
    public let pointer: UnsafeMutablePointer<Float>
    public let rowCount: Int
    public let columnCount: Int
    public let stride: Int

    @inlinable
    public init(storage: Storage, pointer: UnsafeMutablePointer<Float>, rowCount: Int, columnCount: Int, stride: Int) {
        self.storage = storage
        self.pointer = pointer
        self.rowCount = rowCount
        self.columnCount = columnCount
        self.stride = stride
    }

    /// New memory, zeroed.
    public init(rowCount: Int, columnCount: Int) {
        let storage = Storage(floatCount: rowCount * columnCount)
        self.init(
            storage: storage, pointer: storage.base.assumingMemoryBound(to: Float.self),
            rowCount: rowCount, columnCount: columnCount, stride: columnCount)
    }

    /// New memory holding `values`, row by row.
    public init(rowCount: Int, columnCount: Int, values: [Float]) {
        invariant(values.count == rowCount * columnCount, "there are as many values as the matrix has elements")
        self.init(rowCount: rowCount, columnCount: columnCount)
        values.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { pointer.update(from: base, count: values.count) }
        }
    }

    /// The first `rowCount × columnCount` floats of `storage` from `offset` (floats) on.
    public init(storage: Storage, offset: Int, rowCount: Int, columnCount: Int) {
        invariant(offset >= 0 && (offset + rowCount * columnCount) * MemoryLayout<Float>.stride <= storage.byteCount, "a matrix lies in its memory")
        self.init(
            storage: storage, pointer: storage.base.assumingMemoryBound(to: Float.self) + offset,
            rowCount: rowCount, columnCount: columnCount, stride: columnCount)
    }

    public var elementCount: Int { rowCount * columnCount }

    /// Rows follow each other without a gap.
    public var isContiguous: Bool { stride == columnCount || rowCount <= 1 }

    @inlinable
    public subscript(row: Int, column: Int) -> Float {
        get {
            invariant(row >= 0 && row < rowCount && column >= 0 && column < columnCount, "an element lies in its matrix")
            return pointer[row * stride + column]
        }
        nonmutating set {
            invariant(row >= 0 && row < rowCount && column >= 0 && column < columnCount, "an element lies in its matrix")
            pointer[row * stride + column] = newValue
        }
    }

    @inlinable
    public func row(_ index: Int) -> UnsafeMutablePointer<Float> {
        assert(index >= 0 && index < rowCount)
        return pointer + index * stride
    }

    public func rows(_ range: Range<Int>) -> Matrix {
        invariant(range.lowerBound >= 0 && range.upperBound <= rowCount, "rows lie in their matrix")
        return Matrix(
            storage: storage, pointer: pointer + range.lowerBound * stride,
            rowCount: range.count, columnCount: columnCount, stride: stride)
    }

    public func columns(_ range: Range<Int>) -> Matrix {
        invariant(range.lowerBound >= 0 && range.upperBound <= columnCount, "columns lie in their matrix")
        return Matrix(
            storage: storage, pointer: pointer + range.lowerBound,
            rowCount: rowCount, columnCount: range.count, stride: stride)
    }

    /// The same contiguous floats with other dimensions.
    public func reshaped(rowCount: Int, columnCount: Int) -> Matrix {
        invariant(isContiguous && rowCount * columnCount == elementCount, "a reshaped matrix is contiguous and keeps its number of elements")
        return Matrix(
            storage: storage, pointer: pointer, rowCount: rowCount, columnCount: columnCount, stride: columnCount)
    }

    /// All elements, row by row.
    public var values: [Float] {
        var result: [Float] = []
        result.reserveCapacity(elementCount)
        for index in 0..<rowCount {
            result.append(contentsOf: UnsafeBufferPointer(start: row(index), count: columnCount))
        }
        return result
    }

    public func fill(_ value: Float) {
        for index in 0..<rowCount { row(index).update(repeating: value, count: columnCount) }
    }

    public func copy(from other: Matrix) {
        invariant(other.rowCount == rowCount && other.columnCount == columnCount, "a copy has its source's shape")
        if isContiguous && other.isContiguous {
            pointer.update(from: other.pointer, count: elementCount)
        } else {
            for index in 0..<rowCount { row(index).update(from: other.row(index), count: columnCount) }
        }
    }
}
