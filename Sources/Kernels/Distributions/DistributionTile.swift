import Settings

/// One row of one tile: the logits of all models for the same tokens. Valid during the call that hands it out only.
public struct DistributionTile {
    /// The token of index 0.
    public let firstToken: Int
    public let policy: LogitRow
    let references: UnsafeMutableBufferPointer<LogitRow>

    /// Tokens of the tile.
    public var count: Int { policy.count }

    /// The logits of the loss's `index`-th reference.
    public func reference(_ index: Int) -> LogitRow {
        invariant(index >= 0 && index < references.count, "the loss names no such reference")
        return references[index]
    }
}
