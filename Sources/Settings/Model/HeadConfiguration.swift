/// From the last hidden states to logits.
public struct HeadConfiguration: Hashable, Sendable {
    /// Whether the head shares the embedding's matrix.
    public var isTied: Bool
    /// A factor of the logits (Granite, Cohere).
    public var scale: Double
    /// c: a logit l becomes c · tanh(l / c) (Gemma 2).
    public var softCap: Double?
    public var hasBias: Bool

    public init(isTied: Bool, scale: Double = 1, softCap: Double? = nil, hasBias: Bool = false) {
        self.isTied = isTied
        self.scale = scale
        self.softCap = softCap
        self.hasBias = hasBias
    }
}
