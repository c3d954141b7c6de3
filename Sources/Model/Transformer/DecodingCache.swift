import Collectives
import Kernels
import Tensors

// n new tokens, P tokens seen, D model width, W projections of this rank, V vocabulary.

/// Keys and values of the tokens that a model has seen, so that each new token is computed once.
///
/// All projections of a layer are kept (queries too), so that the attention kernel reads them as in training.
public final class DecodingCache {
    /// Tokens seen so far.
    public internal(set) var count = 0
    public let capacity: Int
    /// The tokens seen, for a model that must compute them again.
    var tokens: [Int32] = []
    /// `[capacity, W]` per layer.
    let projections: [Matrix]

    init(layerCount: Int, width: Int, capacity: Int) {
        self.capacity = capacity
        projections = (0..<layerCount).map { _ in Matrix(rowCount: capacity, columnCount: width) }
    }
}
