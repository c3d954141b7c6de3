/// The feed-forward layer of a block: down(activation(up(x))), or with a gate down(activation(gate(x)) · up(x)).
/// `Activation.clampedSiLU` combines gate and up by its own formula.
public struct FeedForwardConfiguration: Hashable, Sendable {
    public enum Activation: Hashable, Sendable {
        /// x · sigmoid(x)
        case silu
        /// x · Φ(x), by the error function
        case gelu
        /// x/2 · (1 + tanh(√(2/π) · (x + 0.044715·x³)))
        case geluTanh
        /// g · sigmoid(slope · g) · (u + 1) with g = min(gate, limit) and u = max(−limit, min(up, limit)): the activation of
        /// gpt-oss (OpenAI, arXiv:2508.10925; `GptOssExperts` of Transformers has the formula, with limit 7 and slope 1.702).
        /// Only for a layer with a gate. `limit` is above 0.
        case clampedSiLU(limit: Double, slope: Double)
    }

    /// Inner columns.
    public var size: Int
    public var isGated: Bool
    public var activation: Activation
    /// Whether all its linear layers add a bias.
    public var hasBias: Bool

    public init(size: Int, isGated: Bool = true, activation: Activation = .silu, hasBias: Bool = false) {
        self.size = size
        self.isGated = isGated
        self.activation = activation
        self.hasBias = hasBias
    }
}
