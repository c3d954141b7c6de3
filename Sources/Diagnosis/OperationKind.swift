/// The kinds of operations between ranks.
public enum OperationKind: Int, Sendable {
    case sum = 1
    case maximum, minimum, gather, exchange, broadcast, barrier, split, duplication, window, send, receive

    /// A message between two ranks, with a tag. It is not counted among the operations of a group.
    package var isBetweenTwo: Bool { self == .send || self == .receive }

    /// Whether ranks may give different counts.
    var hasOwnCounts: Bool { self == .gather || isBetweenTwo }

    var name: String {
        switch self {
        case .sum: "all-reduce"
        case .maximum: "maximum all-reduce"
        case .minimum: "minimum all-reduce"
        case .gather: "all-gather"
        case .exchange: "all-to-all"
        case .broadcast: "broadcast"
        case .barrier: "barrier"
        case .split: "split"
        case .duplication: "duplication"
        case .window: "allocation of shared memory"
        case .send: "send"
        case .receive: "receive"
        }
    }
}
