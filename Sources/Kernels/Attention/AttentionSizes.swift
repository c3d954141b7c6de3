import Tensors

/// The sizes that one call works with.
struct AttentionSizes: Sendable {
    let headsPerGroup: Int
    let headDimension: Int

    /// Keys whose scores are computed together: with R rows they and their gradients stay in the second-level cache.
    static let keyLimit = 144
    /// Floats from row to row of a tile of scores: room for a register tile that runs over the end, and no power of two,
    /// which would put a column's values into few sets of the first-level cache.
    static let scoreStride = keyLimit + 16
    /// Rows that are computed together; divisible by most numbers of heads, and by a register tile's six rows.
    private static let rowLimit = 96

    /// Query tokens of a piece: their J heads are stacked.
    var tokenLimit: Int { max(1, AttentionSizes.rowLimit / headsPerGroup) }
    /// R, rounded up to whole register tiles.
    var rowCapacity: Int {
        (tokenLimit * headsPerGroup + RegisterTile.rowCount - 1) / RegisterTile.rowCount * RegisterTile.rowCount
    }
    /// E, rounded up to whole panels.
    var paddedDimension: Int { Panels.floatCount(rowCapacity: 1, columnCount: headDimension) }
}
