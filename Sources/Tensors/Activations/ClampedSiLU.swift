/// g · sigmoid(slope · g) · (u + 1) with g = min(gate, limit) and u = max(−limit, min(up, limit)): the activation of gpt-oss
/// (OpenAI, arXiv:2508.10925; `GptOssExperts` of Transformers has the formula, with limit 7 and slope 1.702).
///
/// A gate has no lower limit, because the output vanishes there. Relative error of the gate's factor g · sigmoid(slope · g)
/// below 1e-6 for slope · gate ≥ −5, and below 1e-5 for slope · gate ≥ −80: the rounding of slope · g counts where the
/// sigmoid is small.
public struct ClampedSiLU: GatedFunction {
    @usableFromInline let limit: Float8
    @usableFromInline let slope: Float8

    /// - Parameter limit: above 0.
    @inlinable @inline(__always)
    public init(limit: Double, slope: Double) {
        self.limit = Float8(repeating: Float(limit))
        self.slope = Float8(repeating: Float(slope))
    }

    @inlinable @inline(__always)
    public func output(gate: Float8, up: Float8) -> Float8 {
        let (gate, up) = (clampedGate(gate), clampedUp(up))
        return gate * SiLU.sigmoid(slope * gate) * (up + 1)
    }

    /// As PyTorch's `clamp`: the gradient passes at the limit itself, and is 0 beyond it.
    @inlinable @inline(__always)
    public func gradients(_ outputGradient: Float8, gate: Float8, up: Float8) -> (gate: Float8, up: Float8) {
        let (g, u) = (clampedGate(gate), clampedUp(up))
        // g · sigmoid(slope · g) is SiLU(slope · g) / slope: its derivative is SiLU's at slope · g.
        let (portion, derivative) = SiLU.portionAndSlope(slope * g)
        var ofGate = outputGradient * (u + 1) * derivative
        var ofUp = outputGradient * g * portion
        ofGate.replace(with: Float8.zero, where: gate .> limit)
        ofUp.replace(with: Float8.zero, where: (up .> limit) .| (up .< -limit))
        return (ofGate, ofUp)
    }

    /// min(gate, limit). NaN stays NaN.
    @inlinable @inline(__always)
    func clampedGate(_ gate: Float8) -> Float8 { gate.replacing(with: limit, where: gate .> limit) }

    /// max(−limit, min(up, limit)). NaN stays NaN.
    @inlinable @inline(__always)
    func clampedUp(_ up: Float8) -> Float8 {
        up.replacing(with: limit, where: up .> limit).replacing(with: -limit, where: up .< -limit)
    }
}
