import Tensors

/// Memory that only grows, so that nothing is allocated once the largest micro-batch was seen.
final class GrowingStorage: @unchecked Sendable {
    private var storage = Storage(floatCount: 0)

    var floats: UnsafeMutablePointer<Float> { storage.base.assumingMemoryBound(to: Float.self) }

    func grow(to floatCount: Int) {
        if floatCount * MemoryLayout<Float>.stride > storage.byteCount { storage = Storage(floatCount: floatCount) }
    }
}
