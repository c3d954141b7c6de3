import Kernels
import Tensors

// T tokens, D model width, U scored hidden rows, R targets, F feed-forward columns of this rank.

/// What a loss says of a forward pass's results: its derivatives by them.
public struct LossGradients {
    /// `[R]` by each target's log-probability.
    public var targets: [Float]
    /// For each distribution of the request, `[U]` by its loss of the row.
    public var distributions: [[Float]]
    public var layers: [Layer]

    /// By the residual stream after a block.
    public struct Layer {
        public let index: Int
        /// `[U, D]`, at the scored positions.
        public let rows: Matrix

        public init(index: Int, rows: Matrix) {
            self.index = index
            self.rows = rows
        }
    }

    public init(targets: [Float], distributions: [[Float]] = [], layers: [Layer] = []) {
        self.targets = targets
        self.distributions = distributions
        self.layers = layers
    }
}
