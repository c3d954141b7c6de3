import Kernels
import Tensors

// T tokens, D model width, U scored hidden rows, R targets, F feed-forward columns of this rank.

/// The gradients of a loss with respect to the results of a forward pass.
public struct LossGradients {
    /// `[R]` with respect to each target's log-probability.
    public var targets: [Float]
    /// For each distribution of the request `[U]`, with respect to the row's loss.
    public var distributions: [[Float]]
    public var layers: [Layer]

    /// The gradient with respect to the residual stream after a block.
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
