import Settings
import Tensors

/// One model's logits of one row in one tile of the vocabulary, minus the row's largest logit over the whole shared
/// vocabulary, divided by the loss's temperature. Subtracting a constant does not change the distribution, and keeps large
/// logits precise. Valid only during the call that passes it.
public struct LogitRow {
    public let count: Int
    @usableFromInline let pointer: UnsafeMutablePointer<Float>
    @usableFromInline let maximum: Float
    @usableFromInline let inverseTemperature: Float

    /// - Parameter maximum: the row's largest logit, before the division by the temperature.
    init(_ pointer: UnsafeMutablePointer<Float>, count: Int, maximum: Double, inverseTemperature: Float) {
        self.pointer = pointer
        self.count = count
        self.maximum = Float(maximum)
        self.inverseTemperature = inverseTemperature
    }

    @inlinable
    public subscript(index: Int) -> Float {
        invariant(index >= 0 && index < count, "the index is outside the tile")
        return (pointer[index] - maximum) * inverseTemperature
    }

    /// The eight logits from `index` on.
    @inlinable
    public func load8(_ index: Int) -> Float8 {
        invariant(index >= 0 && index + 8 <= count, "the index is outside the tile")
        return unchecked8(index)
    }

    @inlinable @inline(__always)
    func unchecked8(_ index: Int) -> Float8 { (pointer.load8(index) - maximum) * inverseTemperature }

    /// The last `count - index` (1 to 7) logits. The other lanes hold −1000, whose probability is too small to change a sum.
    ///
    /// Never inlined: its branches would slow down a hot loop.
    @inline(never)
    func last(_ index: Int) -> Float8 {
        var result = Float8(repeating: -1000)
        for lane in 0..<(count - index) { result[lane] = (pointer[index + lane] - maximum) * inverseTemperature }
        return result
    }
}
