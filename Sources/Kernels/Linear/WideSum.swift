import Tensors

/// A sum of floats. Every 256 terms (`forEachBlock`) it moves to Doubles, which limits the rounding error.
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

/// Calls `body` for each group of eight among `count` elements, with the index of the group's first element and whether the
/// group is complete. Calls `afterBlock` after every `WideSum.blockSize` elements and after the last group.
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
