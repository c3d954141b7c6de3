/// The activation of a feed-forward layer with a gate: a function of gate and up. Eight numbers at a time.
public protocol GatedFunction {
    func output(gate: Float8, up: Float8) -> Float8

    /// `outputGradient` · ∂output/∂gate, and `outputGradient` · ∂output/∂up.
    func gradients(_ outputGradient: Float8, gate: Float8, up: Float8) -> (gate: Float8, up: Float8)
}
