import Tensors

/// e^x and e^x − 1 for each lane, both with a relative error below 3e-7; x within [-87, 88], NaN stays NaN.
///
/// The reduction and the polynomial are those of `exponential`: e^x = 2^k·(1 + t), so e^x − 1 = 2^k·t + (2^k − 1), where
/// 2^k − 1 is exactly 0 near x = 0.
@inline(__always)
func exponentialAndLess(_ x: Float8) -> (value: Float8, lessOne: Float8) {
    let magic: Float = 12_582_912 + 127
    let shifted = Float8(repeating: magic).addingProduct(x, Float8(repeating: 1.442_695_04))
    let whole = shifted - magic
    var rest = x.addingProduct(whole, Float8(repeating: -0.693_359_375))
    rest = rest.addingProduct(whole, Float8(repeating: 2.121_944_4e-4))
    var series = Float8(repeating: 1.987_569_15e-4)
    series = Float8(repeating: 1.398_199_95e-3).addingProduct(series, rest)
    series = Float8(repeating: 8.333_451_9e-3).addingProduct(series, rest)
    series = Float8(repeating: 4.166_579_6e-2).addingProduct(series, rest)
    series = Float8(repeating: 1.666_666_55e-1).addingProduct(series, rest)
    series = Float8(repeating: 5.000_000_1e-1).addingProduct(series, rest)
    let part = rest.addingProduct(series, rest * rest)
    let power = unsafeBitCast(unsafeBitCast(shifted, to: SIMD8<Int32>.self) &<< 23, to: Float8.self)
    return (power.addingProduct(power, part), (power - 1).addingProduct(power, part))
}

/// e^x of a log-probability: as `exponential`, without the upper clamp, which costs time when two are computed together.
@inline(__always)
func probability(_ x: Float8) -> Float8 { exponentialAndLess(x.raised).value }

extension SIMD8<Float> {
    /// Lanes below −87 are set to −87, where e^x is still a normal number. NaN stays NaN.
    @inline(__always)
    var raised: Float8 {
        var result = self
        result.replace(with: Float8(repeating: -87), where: self .< -87)
        return result
    }

    /// Lanes clamped to the range of `exponentialAndLess`.
    @inline(__always)
    var clamped: Float8 {
        var result = raised
        result.replace(with: Float8(repeating: 88), where: self .> 88)
        return result
    }
}
