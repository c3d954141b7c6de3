import Collectives
import Dispatch
import Settings
import Tensors

// T tokens, D model width, U scored hidden rows, R targets.

/// A finished forward pass: its values, and the right to go backward once, while its activations are the latest.
public struct ForwardPass: Sendable {
    let number: Int
    public let scored: ScoredBatch
    /// `[U, D]` the blocks that were asked for, until the next forward.
    public let layers: [Int: Matrix]
    /// `[U, D]` this rank's share of the normalised states' gradient, where the head went backward already.
    var headGradient: Matrix?
}
