import Kernels
import Settings
import Tensors

/// The weights of some layers while they are there, and where their gradients go.
public struct LayerWeights {
    private let source: any LayerWeightSource
    private let indices: Range<Int>

    /// - Parameter indices: of the layers' parameters in the table.
    init(_ source: any LayerWeightSource, _ indices: Range<Int>) {
        self.source = source
        self.indices = indices
    }

    func weight(_ index: Int) -> WeightView {
        check(index)
        return source.weight(index)
    }

    /// A norm's weight or a bias, `[1, n]`.
    func vector(_ index: Int) -> Matrix {
        check(index)
        return source.vector(index)
    }

    /// Nil: the parameter is frozen, and nobody computes its gradient.
    func gradient(_ index: Int) -> Matrix? {
        check(index)
        return source.gradient(index)
    }

    private func check(_ index: Int) { invariant(indices.contains(index), "a layer asks for its own parameters") }
}
