/// x/2 · (1 + tanh(y)) with y = √(2/π) · (x + 0.044715·x³): Hendrycks and Gimpel's approximation of `GELU`
/// (arXiv:1606.08415). It is computed as x · sigmoid(2y), which cancels nothing.
///
/// Relative error below 1e-6 for x ≥ −3, and below 2e-5 for x ≥ −9: the rounding of 2y counts where e^2y is small.
public enum TanhGELU: ActivationFunction {
    @inlinable @inline(__always)
    public static func portion(_ x: Float8) -> Float8 { SiLU.sigmoid(argument(clamped(x)).value) }

    @inlinable @inline(__always)
    public static func portionAndSlope(_ x: Float8) -> (portion: Float8, slope: Float8) {
        let x = clamped(x)
        let (value, slope) = argument(x)
        let inverse = exponential(-value)
        let sigmoid = 1 / (inverse + 1)
        // 1 − sigmoid is inverse · sigmoid, without the cancellation.
        return (sigmoid, sigmoid.addingProduct(x * slope, inverse * sigmoid * sigmoid))
    }

    /// Beyond ±12 the sigmoid is at its ends, and x³ may overflow.
    @inlinable @inline(__always)
    static func clamped(_ x: Float8) -> Float8 {
        var result = x
        result.replace(with: Float8(repeating: -12), where: x .< -12)
        result.replace(with: Float8(repeating: 12), where: x .> 12)
        return result
    }

    /// 2y, and its derivative.
    @inlinable @inline(__always)
    static func argument(_ x: Float8) -> (value: Float8, slope: Float8) {
        let linear: Float = 1.595_769_1  // 2·√(2/π)
        let cubic: Float = 0.071_354_814  // 2·√(2/π)·0.044715
        let square = x * x
        let value = x * Float8(repeating: linear).addingProduct(square, Float8(repeating: cubic))
        return (value, Float8(repeating: linear).addingProduct(square, Float8(repeating: 3 * cubic)))
    }
}
