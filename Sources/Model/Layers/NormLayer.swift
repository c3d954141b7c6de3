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
    /// Columns that are normalised together; nil: all of a row.
    private let segmentWidth: Int?
    private let sharesWeight: Bool
    /// The module's name.
    let module: String

    /// - Parameter name: of the module: `model.norm`.
    init(_ name: String, _ configuration: NormConfiguration, width: Int, in list: inout ParameterList) {
        self.init(name, configuration, parameterCount: width, .replicated, in: &list)
    }

    /// - Parameters:
    ///   - segmentWidth: columns that are normalised together, a head's; nil: all of a row.
    ///   - sharesWeight: all segments have one weight.
    ///   - parameterCount: columns of the weight.
    init(
        _ name: String, _ configuration: NormConfiguration, segmentWidth: Int? = nil, sharesWeight: Bool = true,
        parameterCount: Int, _ cut: ParameterSpecification.Cut, in list: inout ParameterList
    ) {
        self.configuration = configuration
        self.segmentWidth = segmentWidth
        self.sharesWeight = sharesWeight
        module = name
        weight =
            switch configuration.weight {
            case .none: nil
            case .plain: list.vector(name + ".weight", parameterCount, cut, .ones)
            case .onePlus: list.vector(name + ".weight", parameterCount, cut, .zeros)
            }
        bias = configuration.hasBias ? list.vector(name + ".bias", parameterCount, cut, .zeros) : nil
    }

    var parameters: [Int] { [weight, bias].compactMap(\.self) }

    /// The kernel for rows of `width` columns.
    func kernel(width: Int) -> Normalization {
        guard let segmentWidth else { return Normalization(configuration) }
        return Normalization(configuration, segmentCount: width / segmentWidth, sharesWeight: sharesWeight)
    }
}

extension Transformer {
    /// `output[T, D]`, with the norm's statistics for backward.
    func forward(_ norm: NormLayer, _ input: Matrix, _ weights: LayerWeights, into output: Matrix, statistics: Matrix) {
        norm.kernel(width: input.columnCount).forward(
            input, weight: norm.weight.map { weights.vector($0) }, bias: norm.bias.map { weights.vector($0) }, into: output,
            statistics: statistics, workers: workers)
        observe(norm.module + " output", output)
    }

    /// The output of `forward` once more, from its statistics.
    func recompute(_ norm: NormLayer, _ input: Matrix, _ weights: LayerWeights, statistics: Matrix, into output: Matrix) {
        norm.kernel(width: input.columnCount).recompute(
            input, weight: norm.weight.map { weights.vector($0) }, bias: norm.bias.map { weights.vector($0) },
            statistics: statistics, into: output, workers: workers)
    }
}

extension Transformer where Kind == Trainable {
    /// - Parameter accumulate: adds to `inputGradient`; otherwise replaces it, which may be `outputGradient` itself.
    func backward(
        _ norm: NormLayer, _ outputGradient: Matrix, _ weights: LayerWeights, input: Matrix, statistics: Matrix,
        into inputGradient: Matrix, accumulate: Bool
    ) {
        norm.kernel(width: input.columnCount).backward(
            outputGradient, input: input, weight: norm.weight.map { weights.vector($0) }, statistics: statistics,
            into: inputGradient, accumulate: accumulate, weightGradient: norm.weight.flatMap { weights.gradient($0) },
            biasGradient: norm.bias.flatMap { weights.gradient($0) }, scratch: buffers.normSums, workers: workers)
    }
}

extension NormLayer {
    /// Columns of the full weight, over all tensor ranks.
    func fullWidth(_ table: ParameterTable) -> Int { table.specifications[weight!].columnCount }
}
