/// activation(gate) · up (Shazeer, arXiv:2002.05202).
public struct GatedProduct<Function: ActivationFunction>: GatedFunction {
    @inlinable @inline(__always)
    public init() {}

    @inlinable @inline(__always)
    public func output(gate: Float8, up: Float8) -> Float8 { gate * Function.portion(gate) * up }

    @inlinable @inline(__always)
    public func gradients(_ outputGradient: Float8, gate: Float8, up: Float8) -> (gate: Float8, up: Float8) {
        let (portion, slope) = Function.portionAndSlope(gate)
        return (outputGradient * up * slope, outputGradient * gate * portion)
    }
}
