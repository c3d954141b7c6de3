import Settings

/// One row of one tile: the logits of all models for the same tokens. Valid only during the call that passes it.
public struct DistributionTile {
    /// The token of index 0.
    public let firstToken: Int
    public let policy: LogitRow
    let references: UnsafeMutableBufferPointer<LogitRow>

    /// Number of tokens in the tile.
    public var count: Int { policy.count }

    /// The logits of the loss's `index`-th reference.
    public func reference(_ index: Int) -> LogitRow {
        invariant(index >= 0 && index < references.count, "the loss has no reference with this index")
        return references[index]
    }
}
