import Tensors

/// Sizes of pieces and tiles for a number of heads per group and a head dimension.
struct AttentionSizes: Sendable {
    let headsPerGroup: Int
    let headDimension: Int

    /// Most keys per tile: the tile's scores and their gradients for R rows stay in the second-level cache.
    static let keyLimit = 144
    /// Floats from row to row of a tile of scores. There is room for a register tile that extends past the end. A power of
    /// two would put a column's values into few sets of the first-level cache.
    static let scoreStride = keyLimit + 16
    /// Most stacked rows per piece: divisible by most numbers of heads, and by a register tile's six rows.
    private static let rowLimit = 96

    /// Most query tokens per piece. Their J heads are stacked.
    var tokenLimit: Int { max(1, AttentionSizes.rowLimit / headsPerGroup) }
    /// R, rounded up to whole register tiles.
    var rowCapacity: Int {
        (tokenLimit * headsPerGroup + RegisterTile.rowCount - 1) / RegisterTile.rowCount * RegisterTile.rowCount
    }
    /// E, rounded up to whole panels.
    var paddedDimension: Int { Panels.floatCount(rowCapacity: 1, columnCount: headDimension) }
}
