import Tensors

/// A piece of query tokens of one block: their J heads are stacked, row `token · J + head`.
struct AttentionPiece {
    /// Tokens on the axis.
    let tokens: Range<Int>
    let headsPerGroup: Int
    var rowCount: Int { tokens.count * headsPerGroup }
}
