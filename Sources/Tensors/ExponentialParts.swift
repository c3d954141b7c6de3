/// e^x = power · (1 + rest + series · rest²) for each lane, where power is a power of two; x within [-87, 88], NaN stays NaN.
///
/// The magic number 1.5·2²³ reduces the range, because `.rounded()` would compile to scalar calls. It includes the exponent's
/// bias, so the low bits of the shifted number are the exponent bits of the power of two. The polynomial is that of the
/// Cephes library's `expf` (Moshier).
public struct ExponentialParts {
    public let rest: Float8
    public let series: Float8
    public let power: Float8

    @inlinable @inline(__always)
    public init(_ x: Float8) {
        let magic: Float = 12_582_912 + 127
        let shifted = Float8(repeating: magic).addingProduct(x, Float8(repeating: 1.442_695_04))
        let whole = shifted - magic
        let first = x.addingProduct(whole, Float8(repeating: -0.693_359_375))
        let rest = first.addingProduct(whole, Float8(repeating: 2.121_944_4e-4))
        var series = Float8(repeating: 1.987_569_15e-4)
        series = Float8(repeating: 1.398_199_95e-3).addingProduct(series, rest)
        series = Float8(repeating: 8.333_451_9e-3).addingProduct(series, rest)
        series = Float8(repeating: 4.166_579_6e-2).addingProduct(series, rest)
        series = Float8(repeating: 1.666_666_55e-1).addingProduct(series, rest)
        series = Float8(repeating: 5.000_000_1e-1).addingProduct(series, rest)
        self.rest = rest
        self.series = series
        power = unsafeBitCast(unsafeBitCast(shifted, to: SIMD8<Int32>.self) &<< 23, to: Float8.self)
    }
}
