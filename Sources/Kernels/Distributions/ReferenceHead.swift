import Settings
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
    /// `[1, rows of weight]`, added before the cap.
    public let bias: Matrix?
    /// c: a logit l of this model becomes c · tanh(l / c). The policy may have another cap, or none.
    public let softCap: Double?

    public init(name: String, hidden: Matrix, weight: WeightView, bias: Matrix? = nil, softCap: Double? = nil) {
        invariant(bias.map { $0.columnCount == weight.rowCount } ?? true, "\(name): each token has its bias")
        self.name = name
        self.hidden = hidden
        self.weight = weight
        self.bias = bias
        self.softCap = softCap
    }

    /// This head with some of the scored rows.
    public func rows(_ range: Range<Int>) -> ReferenceHead {
        ReferenceHead(name: name, hidden: hidden.rows(range), weight: weight, bias: bias, softCap: softCap)
    }

    /// The layer for those vocabulary rows of `columns` that this head has.
    ///
    /// - Parameter floats: turns a part of the weights into floats.
    func layer(_ columns: Range<Int>, floats: (WeightView) -> Matrix) -> LogitLayer {
        let own = columns.clamped(to: 0..<weight.rowCount)
        return LogitLayer(weight: floats(weight.rows(own)), bias: bias?.columns(own), cap: softCap.map(LogitCap.init))
    }
}
