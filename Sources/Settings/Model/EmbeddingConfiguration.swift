/// From tokens to the residual stream.
public struct EmbeddingConfiguration: Hashable, Sendable {
    /// A factor of the table's rows (Gemma, Granite).
    public var scale: Double
    /// Rows of a second table, by position; nil: none (GPT-2 has one).
    public var positionCount: Int?

    public init(scale: Double = 1, positionCount: Int? = nil) {
        self.scale = scale
        self.positionCount = positionCount
    }
}
