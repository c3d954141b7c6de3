/// x · sigmoid(x) (Elfwing et al., arXiv:1702.03118). Relative error below 1e-6 for x ≥ −87.
public enum SiLU: ActivationFunction {
    @inlinable @inline(__always)
    public static func portion(_ x: Float8) -> Float8 { sigmoid(x) }

    @inlinable @inline(__always)
    public static func portionAndSlope(_ x: Float8) -> (portion: Float8, slope: Float8) {
        let sigmoid = sigmoid(x)
        return (sigmoid, sigmoid * (x * (1 - sigmoid) + 1))
    }

    /// 1 / (1 + e^−x)
    @inlinable @inline(__always)
    static func sigmoid(_ x: Float8) -> Float8 { 1 / (exponential(-x) + 1) }
}
