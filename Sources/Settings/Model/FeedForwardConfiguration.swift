/// The feed-forward layer of a block: down(activation(up(x))), or with a gate down(activation(gate(x)) · up(x)).
public struct FeedForwardConfiguration: Hashable, Sendable {
    public enum Activation: Hashable, Sendable {
        /// x · sigmoid(x)
        case silu
        /// x · Φ(x), by the error function
        case gelu
        /// x/2 · (1 + tanh(√(2/π) · (x + 0.044715·x³)))
        case geluTanh
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
