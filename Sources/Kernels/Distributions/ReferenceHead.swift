import Tensors

// U scored hidden rows, K references, V' rows of the vocabulary on this rank.

/// A frozen model's head, as it runs beside the policy's.
public struct ReferenceHead: Sendable {
    public let name: String
    /// `[U, D_k]`, its own hidden rows for the same scored positions.
    public let hidden: Matrix
    /// `[rows of this rank's range within the shared vocabulary, D_k]`, possibly no rows; in a file's own type it is
    /// widened a tile at a time.
    public let weight: WeightView

    public init(name: String, hidden: Matrix, weight: WeightView) {
        self.name = name
        self.hidden = hidden
        self.weight = weight
    }

    /// The same model's head over some of the scored positions.
    public func rows(_ range: Range<Int>) -> ReferenceHead {
        ReferenceHead(name: name, hidden: hidden.rows(range), weight: weight)
    }
}
