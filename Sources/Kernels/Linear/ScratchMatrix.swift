import Tensors

/// Reused memory for one matrix at a time, growing to the largest asked for. What it returns is overwritten by the next call.
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
