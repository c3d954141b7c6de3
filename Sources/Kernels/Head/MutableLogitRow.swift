import Settings
import Tensors

/// Gradients of one row's logits in one tile. A loss adds to them. Valid only during the call that passes it.
public struct MutableLogitRow {
    public let count: Int
    @usableFromInline let pointer: UnsafeMutablePointer<Float>

    init(_ pointer: UnsafeMutablePointer<Float>, count: Int) {
        self.pointer = pointer
        self.count = count
    }

    @inlinable
    public subscript(index: Int) -> Float {
        get {
            invariant(index >= 0 && index < count, "the index is outside the tile")
            return pointer[index]
        }
        nonmutating set {
            invariant(index >= 0 && index < count, "the index is outside the tile")
            pointer[index] = newValue
        }
    }

    /// Adds to the eight gradients from `index` on.
    @inlinable
    public func add8(_ value: Float8, _ index: Int) {
        invariant(index >= 0 && index + 8 <= count, "the index is outside the tile")
        unchecked8(add: value, index)
    }

    @inlinable @inline(__always)
    func unchecked8(add value: Float8, _ index: Int) { pointer.store8(pointer.load8(index) + value, index) }

    /// Adds to the last `count - index` (1 to 7) gradients.
    @inline(never)
    func last(add value: Float8, _ index: Int) {
        for lane in 0..<(count - index) { pointer[index + lane] += value[lane] }
    }
}
