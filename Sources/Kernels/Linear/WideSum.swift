import Tensors

/// A sum of floats that is carried over into Doubles every 256 terms (`forEachBlock`), before it rounds much away.
struct WideSum {
    static let blockSize = 256

    private var low = SIMD4<Double>.zero
    private var high = SIMD4<Double>.zero
    private var recent = Float8.zero

    @inline(__always)
    mutating func add(_ value: Float8) { recent += value }

    @inline(__always)
    mutating func add(_ value: Float8, times factor: Float8) { recent = recent.addingProduct(value, factor) }

    @inline(__always)
    mutating func flush() {
        low += SIMD4<Double>(recent.lowHalf)
        high += SIMD4<Double>(recent.highHalf)
        recent = .zero
    }

    var total: Double { (low + high).sum() }
}

/// Calls `body` for every eight of `count` elements, with the index of the first and whether all eight are there;
/// `afterBlock` follows every `WideSum.blockSize` elements and the last.
@inline(__always)
func forEachBlock(_ count: Int, _ body: (_ index: Int, _ isWhole: Bool) -> Void, afterBlock: () -> Void) {
    var index = 0
    while index < count {
        let end = min(index + WideSum.blockSize, count)
        while index < end {
            body(index, index + 8 <= count)
            index += 8
        }
        afterBlock()
    }
}
