import Tensors

/// log((1 − β) + β·e^d) for each lane: the logarithm of a mixture of two probabilities relative to the first probability; d
/// is the logarithm of the second over the first.
///
/// The result is exactly 0 at d = 0, and its relative error stays below 1e-6 near 0. A small d would vanish in the rounding
/// of the mixture, so the polynomial (from `logf` of the Cephes library, Moshier) gets β·(e^d − 1) if the mixture is within
/// [√½, √2]. d is clamped to [-87, 88], NaN stays NaN.
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
        // The mixture is 2^e · m with m in [√½, √2). Moving the bits of √½ to those of 1 makes the exponent step where m wraps.
        let rootBits: UInt32 = 0x3F35_04F3
        let bits = unsafeBitCast(mixture, to: SIMD8<UInt32>.self) &+ (0x3F80_0000 - rootBits)
        // An integer n below 2^23 in the low bits of the float 2^23 makes it 2^23 + n.
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
        // The bit operations turned a NaN into a number. Adding distance · 0 makes it NaN again.
        return result.addingProduct(distance, Float8(repeating: 0))
    }
}
