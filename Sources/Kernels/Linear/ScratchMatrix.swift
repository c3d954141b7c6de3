import Tensors

/// Reused memory for one matrix at a time. It grows to the largest matrix requested. Each call reuses the memory of the
/// matrix that the previous call returned.
public final class ScratchMatrix: @unchecked Sendable {
    private var storage = Storage(floatCount: 0)

    public init() {}

    public func matrix(rowCount: Int, columnCount: Int) -> Matrix {
        if rowCount * columnCount * MemoryLayout<Float>.stride > storage.byteCount {
            storage = Storage(floatCount: rowCount * columnCount)
        }
        return Matrix(storage: storage, offset: 0, rowCount: rowCount, columnCount: columnCount)
    }

    public var byteCount: Int { storage.byteCount }
}
