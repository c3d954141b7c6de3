/// A dimension of a tensor that is sharded over the tensor axis of the mesh.
public enum ShardAxis: Sendable {
    case vocabulary
    /// Columns of query heads, `headDimension` for each.
    case queryHeads
    /// Columns of key/value heads.
    case keyValueHeads
    /// One number for each query head.
    case queryHeadNumbers
    case feedForward
}
