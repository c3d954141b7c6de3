import Collectives
import Dispatch
import Settings
import Tensors

// T tokens, D model width, U scored hidden rows, R targets.

/// A finished forward pass: its values, and the right to run backward once, before the model's next pass.
public struct ForwardPass: Sendable {
    let number: Int
    public let scored: ScoredBatch
    /// `[U, D]` the outputs of the requested blocks at the scored positions. Valid until the next forward.
    public let layers: [Int: Matrix]
    /// `[U, D]` this rank's partial gradient of the normalised states, if the head has already run backward.
    var headGradient: Matrix?
}
