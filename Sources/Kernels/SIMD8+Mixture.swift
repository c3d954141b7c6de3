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

/// e^x of a log-probability: as `exponential`, without its upper clamp, which costs where two are computed side by side.
@inline(__always)
func probability(_ x: Float8) -> Float8 { exponentialAndLess(x.raised).value }

extension SIMD8<Float> {
    /// Lanes below −87 set to it: there e^x is still a normal number. NaN stays NaN.
    @inline(__always)
    var raised: Float8 {
        var result = self
        result.replace(with: Float8(repeating: -87), where: self .< -87)
        return result
    }

    /// Within the range of `exponentialAndLess`.
    @inline(__always)
    var clamped: Float8 {
        var result = raised
        result.replace(with: Float8(repeating: 88), where: self .> 88)
        return result
    }
}

/// log((1 − β) + β·e^d) for each lane: log of a mixture of two probabilities relative to the first, d = log of their ratio.
///
/// Exactly 0 at d = 0, and the relative error stays below 1e-6 on both sides of it, where the mixture itself would have
/// rounded d away: an argument within [√½, √2] goes into the polynomial (that of the Cephes library's `logf`, Moshier)
/// as β·(e^d − 1). d is clamped to [-87, 88], NaN stays NaN.
struct MixtureLogarithm {
    private let share, rest: Float8

    /// - Parameter share: β, within (0, 1).
    init(share: Double) {
        self.share = Float8(repeating: Float(share))
        rest = Float8(repeating: Float(1 - share))
    }

    @inline(__always)
    func callAsFunction(_ d: Float8) -> Float8 {
        let power = exponentialAndLess(d.clamped)
        let distance = power.lessOne * share
        let mixture = rest.addingProduct(power.value, share)
        // 2^e · m with m in [√½, √2): √½'s bits, moved to those of 1, put the exponent's step where m wraps round.
        let rootBits: UInt32 = 0x3F35_04F3
        let bits = unsafeBitCast(mixture, to: SIMD8<UInt32>.self) &+ (0x3F80_0000 - rootBits)
        // An integer below 2^23 in the low bits of 2^23 is that number added.
        let exponent = unsafeBitCast((bits &>> 23) | 0x4B00_0000, to: Float8.self) - Float(8_388_608 + 127)
        var x = unsafeBitCast((bits & 0x007F_FFFF) &+ rootBits, to: Float8.self) - 1
        x.replace(with: distance, where: exponent .== 0)
        var series = Float8(repeating: 7.037_683_629_2e-2)
        series = Float8(repeating: -1.151_461_031_0e-1).addingProduct(series, x)
        series = Float8(repeating: 1.167_699_874_0e-1).addingProduct(series, x)
        series = Float8(repeating: -1.242_014_084_6e-1).addingProduct(series, x)
        series = Float8(repeating: 1.424_932_278_7e-1).addingProduct(series, x)
        series = Float8(repeating: -1.666_805_766_5e-1).addingProduct(series, x)
        series = Float8(repeating: 2.000_071_476_5e-1).addingProduct(series, x)
        series = Float8(repeating: -2.499_999_399_3e-1).addingProduct(series, x)
        series = Float8(repeating: 3.333_333_117_4e-1).addingProduct(series, x)
        let square = x * x
        var tail = (series * x * square).addingProduct(exponent, Float8(repeating: -2.121_944_40e-4))
        tail = tail.addingProduct(square, Float8(repeating: -0.5))
        let result = (x + tail).addingProduct(exponent, Float8(repeating: 0.693_359_375))
        // The bits of a NaN gave a number: the product with 0 makes a NaN of it again.
        return result.addingProduct(distance, Float8(repeating: 0))
    }
}
