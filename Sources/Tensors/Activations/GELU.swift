/// x · Φ(x) with the normal distribution Φ(x) = (1 + erf(x/√2)) / 2 (Hendrycks, Gimpel, arXiv:1606.08415).
///
/// Relative error below 1e-6 for x ≥ −13. Below −13, where Φ(x) < 1e-38, the activation is 0.
public enum GELU: ActivationFunction {
    @inlinable @inline(__always)
    public static func portion(_ x: Float8) -> Float8 { distribution(x).below }

    @inlinable @inline(__always)
    public static func portionAndSlope(_ x: Float8) -> (portion: Float8, slope: Float8) {
        let (below, exponential) = distribution(x)
        let inverseRootOfTwoPi: Float = 0.398_942_28
        return (below, below.addingProduct(x * inverseRootOfTwoPi, exponential))
    }

    /// Φ(x), and e^(−x²/2).
    ///
    /// Φ(−|x|) = e^(−x²/2) · t · P(1 − 2kt) with t = 1/(|x| + k): the form of Abramowitz and Stegun 7.1.26. k = 4.75 and the
    /// polynomial P are a minimax fit of the relative error for |x| ≤ 13.3, 1.3e-8, against SciPy's `erfcx`.
    @inlinable @inline(__always)
    static func distribution(_ x: Float8) -> (below: Float8, exponential: Float8) {
        let size = x.replacing(with: -x, where: x .< 0)
        let square = x * x
        // The exponent grows to 85, where the square's rounding error alone would change the result by 4e-6.
        let roundingError = (-square).addingProduct(x, x)
        var power = exponential(square * -0.5)
        power = power.addingProduct(power, roundingError * -0.5)
        power.replace(with: Float8.zero, where: size .> 13)
        let t = 1 / (size + 4.75)
        let argument = Float8(repeating: 1).addingProduct(t, Float8(repeating: -9.5))
        let tail = power * t * polynomial(argument)
        return (tail.replacing(with: 1 - tail, where: x .> 0), power)
    }

    @inlinable @inline(__always)
    static func polynomial(_ u: Float8) -> Float8 {
        var series = Float8(repeating: -0.001_306_833_93)
        series = Float8(repeating: 0.000_225_930_577).addingProduct(series, u)
        series = Float8(repeating: 0.011_543_290_7).addingProduct(series, u)
        series = Float8(repeating: -0.050_628_684_5).addingProduct(series, u)
        series = Float8(repeating: 0.138_106_868).addingProduct(series, u)
        series = Float8(repeating: -0.284_183_83).addingProduct(series, u)
        series = Float8(repeating: 0.472_064_435).addingProduct(series, u)
        series = Float8(repeating: -0.653_589_368).addingProduct(series, u)
        series = Float8(repeating: 0.766_416_311).addingProduct(series, u)
        return series
    }
}
