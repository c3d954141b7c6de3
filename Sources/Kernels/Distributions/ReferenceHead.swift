import Tensors

// U scored hidden rows, K references, V' rows of the vocabulary on this rank.

/// A frozen model's head, which runs together with the policy's head.
public struct ReferenceHead: Sendable {
    public let name: String
    /// `[U, D_k]`, the frozen model's hidden rows for the policy's scored positions.
    public let hidden: Matrix
    /// `[rows of this rank's range within the shared vocabulary, D_k]`, possibly no rows. Weights in a file's own type are
    /// upcast one tile at a time.
    public let weight: WeightView

    public init(name: String, hidden: Matrix, weight: WeightView) {
        self.name = name
        self.hidden = hidden
        self.weight = weight
    }

    /// This head with some of the scored rows.
    public func rows(_ range: Range<Int>) -> ReferenceHead {
        ReferenceHead(name: name, hidden: hidden.rows(range), weight: weight)
    }
}
