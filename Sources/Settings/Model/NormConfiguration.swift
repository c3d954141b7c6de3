/// A normalisation of a vector x of n columns, with weight w and bias b:
///
/// - root mean square: y = w · x / √(mean(x²) + ε)
/// - layer: y = w · (x − mean(x)) / √(variance(x) + ε) + b
public struct NormConfiguration: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// Zhang, Sennrich, arXiv:1910.07467.
        case rootMeanSquare
        /// Ba, Kiros, Hinton, arXiv:1607.06450.
        case layer
    }

    public enum Weight: Hashable, Sendable {
        /// No weight: a factor of 1.
        case none
        case plain
        /// The factor is 1 + w, so a new model has w = 0 (Gemma).
        case onePlus
    }

    public var kind: Kind
    public var epsilon: Double
    public var weight: Weight
    public var hasBias: Bool

    public init(_ kind: Kind = .rootMeanSquare, epsilon: Double, weight: Weight = .plain, hasBias: Bool = false) {
        self.kind = kind
        self.epsilon = epsilon
        self.weight = weight
        self.hasBias = hasBias
    }
}
