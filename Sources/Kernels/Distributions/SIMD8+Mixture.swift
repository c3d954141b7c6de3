import Tensors

/// e^x and e^x − 1 for each lane, both with a relative error below 3e-7; x within [-87, 88], NaN stays NaN.
///
/// With `ExponentialParts` e^x = 2^k·(1 + t), so e^x − 1 = 2^k·t + (2^k − 1), where 2^k − 1 is exactly 0 near x = 0.
@inline(__always)
func exponentialAndLess(_ x: Float8) -> (value: Float8, lessOne: Float8) {
    let parts = ExponentialParts(x)
    let part = parts.rest.addingProduct(parts.series, parts.rest * parts.rest)
    return (parts.power.addingProduct(parts.power, part), (parts.power - 1).addingProduct(parts.power, part))
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
