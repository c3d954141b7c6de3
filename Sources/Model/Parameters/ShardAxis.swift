/// A dimension of a tensor that the tensor axis of the mesh cuts.
public enum ShardAxis: Sendable {
    case vocabulary
    case queryHeads
    case keyValueHeads
    case feedForward
}
