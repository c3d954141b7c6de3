/// A dimension of a tensor that is sharded over the tensor axis of the mesh.
public enum ShardAxis: Sendable {
    case vocabulary
    case queryHeads
    case keyValueHeads
    case feedForward
}
