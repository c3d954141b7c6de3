import Collectives
import Kernels
import Settings
import Tensors

// T rows, D columns.

/// A norm of the residual stream, or of what a sublayer adds to it.
struct NormLayer: Sendable {
    let configuration: NormConfiguration
    /// Indices in the parameter table.
    let weight: Int?
    let bias: Int?
    let kernel: Normalization
    private let name: String

    /// - Parameter name: of the module: `model.norm`.
    init(_ name: String, _ configuration: NormConfiguration, width: Int, in list: inout ParameterList) {
        self.init(name, configuration, kernel: Normalization(configuration), parameterCount: width, .replicated, in: &list)
    }

    /// - Parameters:
    ///   - kernel: the norm's segments.
    ///   - parameterCount: columns of the weight.
    init(
        _ name: String, _ configuration: NormConfiguration, kernel: Normalization, parameterCount: Int,
        _ cut: ParameterSpecification.Cut, in list: inout ParameterList
    ) {
        self.configuration = configuration
        self.kernel = kernel
        self.name = name
        weight =
            switch configuration.weight {
            case .none: nil
            case .plain: list.vector(name + ".weight", parameterCount, cut, .ones)
            case .onePlus: list.vector(name + ".weight", parameterCount, cut, .zeros)
            }
        bias = configuration.hasBias ? list.vector(name + ".bias", parameterCount, cut, .zeros) : nil
    }

    var parameters: [Int] { [weight, bias].compactMap(\.self) }
    /// The module's name, for observers.
    var module: String { name }
}

extension Transformer {
    /// `output[T, D]`, with the norm's statistics for backward.
    func forward(_ norm: NormLayer, _ input: Matrix, into output: Matrix, statistics: Matrix) {
        norm.kernel.forward(
            input, weight: norm.weight.map { parameters.vector($0) }, bias: norm.bias.map { parameters.vector($0) }, into: output,
            statistics: statistics, workers: workers)
        observe(norm.module + " output", output)
    }

    /// The output of `forward` once more, from its statistics.
    func recompute(_ norm: NormLayer, _ input: Matrix, statistics: Matrix, into output: Matrix) {
        norm.kernel.recompute(
            input, weight: norm.weight.map { parameters.vector($0) }, bias: norm.bias.map { parameters.vector($0) },
            statistics: statistics, into: output, workers: workers)
    }
}

extension Transformer where Kind == Trainable {
    /// - Parameter accumulate: adds to `inputGradient`; otherwise replaces it, which may be `outputGradient` itself.
    func backward(
        _ norm: NormLayer, _ outputGradient: Matrix, input: Matrix, statistics: Matrix, into inputGradient: Matrix, accumulate: Bool
    ) {
        norm.kernel.backward(
            outputGradient, input: input, weight: norm.weight.map { parameters.values[$0] }, statistics: statistics,
            into: inputGradient, accumulate: accumulate, weightGradient: norm.weight.map { parameters.gradients[$0] },
            biasGradient: norm.bias.map { parameters.gradients[$0] }, scratch: buffers.normSums, workers: workers)
    }
}

extension NormLayer {
    /// Columns of the full weight, over all tensor ranks.
    func weightWidth(_ table: ParameterTable) -> Int { table.specifications[weight!].columnCount }
}
