import Kernels
import Model
import Objectives
import Settings
import Tensors

// U scored hidden rows, D the policy's width, G the reference's.

/// Computes a `StateMatching` term and its gradients: one loss for each scored row, the mean over the pairs of layers.
///
/// If the widths differ, each pair of layers has a learned projection P `[G, D]`, which maps the policy's states to the
/// reference's space (FitNets, arXiv:1412.6550). It is an additional parameter of the policy, replicated on every tensor
/// rank like the states.
package final class StateMatcher {
    let term: StateMatching
    private let workers: Workers
    /// For each pair, the index of its projection among the policy's parameters; nil if the widths are equal.
    private let projections: [Int?]
    /// `[U, G]` and `[U, D]` for each pair of layers, of the latest micro-batch.
    private let errors: [ScratchMatrix]
    private let policyGradients: [ScratchMatrix]
    /// `[G, D]` the upcast projection of a frozen policy.
    private let widened = ScratchMatrix()

    package init(_ term: StateMatching, projections: [Int?], workers: Workers) {
        self.term = term
        self.projections = projections
        self.workers = workers
        errors = term.layers.map { _ in ScratchMatrix() }
        policyGradients = term.layers.map { _ in ScratchMatrix() }
    }

    /// Prefix of projections' names. No model has a parameter with such a name.
    package static let projectionPrefix = "projections."

    /// Parameters that the term of objective `index` adds to a policy of width `policyWidth`, ordered by pairs of layers.
    package static func projectionShapes(
        _ term: StateMatching, ofObjective index: Int, policyWidth: Int, referenceWidth: Int
    ) -> [(name: String, rowCount: Int, columnCount: Int)] {
        guard policyWidth != referenceWidth else { return [] }
        return term.layers.map {
            ("\(projectionPrefix)\(index).\(term.reference).\($0.policy)_to_\($0.reference).weight", referenceWidth, policyWidth)
        }
    }

    /// `[U]` the losses of the rows.
    func losses(
        policy: [Int: Matrix], reference: [Int: Matrix], parameters: some ParameterStore
    ) -> [Double] {
        var sums: [Double] = []
        for (pair, layers) in term.layers.enumerated() {
            let (own, wanted) = (policy[layers.policy]!, reference[layers.reference]!)
            let mapped = mapped(own, pair: pair, width: wanted.columnCount, parameters)
            let losses = (0..<own.rowCount).map { row in
                switch term.measure {
                case .meanSquaredError: Vectors.meanSquaredDifference(mapped.row(row), wanted.row(row), wanted.columnCount)
                case .cosine: 1 - Vectors.Cosine(mapped.row(row), wanted.row(row), wanted.columnCount).value
                }
            }
            sums = sums.isEmpty ? losses : zip(sums, losses).map(+)
        }
        return sums.map { $0 / Double(term.layers.count) }
    }

    /// Adds the projections' gradients to the policy's gradients. Returns the gradients of the policy's states.
    ///
    /// - Parameter weights: `[U]` ∂total/∂(row's loss).
    func backward(
        weights: [Float], policy: [Int: Matrix], reference: [Int: Matrix], parameters: TrainableParameters
    ) -> [LossGradients.Layer] {
        var gradients: [LossGradients.Layer] = []
        for (pair, layers) in term.layers.enumerated() {
            let (own, wanted) = (policy[layers.policy]!, reference[layers.reference]!)
            let width = wanted.columnCount
            let error = mapped(own, pair: pair, width: width, parameters)
            for row in 0..<own.rowCount {
                let weight = weights[row] / Float(term.layers.count)
                switch term.measure {
                case .meanSquaredError:
                    Vectors.squaredDifferenceGradient(error.row(row), wanted.row(row), width, weight: weight)
                case .cosine:
                    let cosine = Vectors.Cosine(error.row(row), wanted.row(row), width)
                    cosine.lossGradient(error.row(row), wanted.row(row), width, weight: weight)
                }
            }
            let gradient = policyGradients[pair].matrix(rowCount: own.rowCount, columnCount: own.columnCount)
            if let index = projections[pair] {
                Linear.backwardInput(
                    error, weight: parameters.values[index], into: gradient, accumulate: false, workers: workers)
                Linear.backwardWeight(error, input: own, into: parameters.gradients[index], workers: workers)
            } else {
                gradient.copy(from: error)
            }
            gradients.append(LossGradients.Layer(index: layers.policy, rows: gradient))
        }
        return gradients
    }

    /// `[U, G]` the policy's states in the reference's space, in scratch.
    private func mapped(_ own: Matrix, pair: Int, width: Int, _ parameters: some ParameterStore) -> Matrix {
        let result = errors[pair].matrix(rowCount: own.rowCount, columnCount: width)
        if let index = projections[pair] {
            let weight = parameters.weight(index).floats(using: widened, workers: workers)
            Linear.forward(own, weight: weight, bias: nil, into: result, workers: workers)
        } else {
            result.copy(from: own)
        }
        return result
    }
}
