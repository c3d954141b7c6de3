import Kernels
import Settings
import Tensors

// T rows, K input features, N output features.

/// y = x·Wᵀ + b. A column-parallel layer has this rank's output features; a row-parallel layer has this rank's input features
/// and gives a summand, and its bias is added once after the all-reduce.
struct LinearLayer: Sendable {
    enum Cut: Sendable {
        case columnParallel(ShardAxis)
        case rowParallel(ShardAxis)
    }

    /// Indices in the parameter table.
    let weight: Int
    private(set) var bias: Int?
    private let name: String
    private let cut: Cut

    /// - Parameter name: of the module: `model.layers.0.mlp.up_proj`.
    init(_ name: String, outputs: Int, inputs: Int, _ cut: Cut, in list: inout ParameterList) {
        self.name = name
        self.cut = cut
        let part: ParameterSpecification.Cut =
            switch cut {
            case .columnParallel(let axis): .rows(axis)
            case .rowParallel(let axis): .columns(axis)
            }
        weight = list.matrix(name + ".weight", outputs, inputs, part)
    }

    /// Declares the bias. Biases of a block's layers follow their weights.
    mutating func addBias(count: Int, in list: inout ParameterList) {
        let part: ParameterSpecification.Cut = if case .columnParallel(let axis) = cut { .columns(axis) } else { .replicated }
        bias = list.vector(name + ".bias", count, part, .zeros)
    }
}

extension Transformer {
    /// Linear layers that share an input. Column-parallel layers add their bias here.
    func linear(_ input: Matrix, _ layers: [(layer: LinearLayer, output: Matrix)], _ weights: LayerWeights) {
        linear(input, layers.map { ($0.layer.weight, $0.layer.bias, $0.output) }, weights)
    }

    /// The summand of a row-parallel layer, without its bias.
    func linearSummand(_ input: Matrix, _ layer: LinearLayer, _ weights: LayerWeights, into output: Matrix) {
        linear(input, [(layer.weight, nil, output)], weights)
    }

    /// Adds the bias of a row-parallel layer to its all-reduced output.
    func addBias(_ layer: LinearLayer, _ weights: LayerWeights, to output: Matrix) {
        if let bias = layer.bias { Linear.addBias(weights.vector(bias), to: output, workers: workers) }
    }

    /// Linear layers that share an input, by the indices of their weights and biases.
    func linear(_ input: Matrix, _ layers: [(weight: Int, bias: Int?, output: Matrix)], _ weights: LayerWeights) {
        let layers = zip(layers, widened).map { layer, scratch in
            Linear.Layer(
                weight: weights.weight(layer.weight).floats(using: scratch, workers: workers),
                bias: layer.bias.map { weights.vector($0) }, output: layer.output)
        }
        Linear.forward(input, layers, workers: workers)
    }
}

extension Transformer where Kind == Trainable {
    /// A weight as floats.
    func matrix(_ index: Int, _ weights: LayerWeights, using scratch: ScratchMatrix) -> Matrix {
        weights.weight(index).floats(using: scratch, workers: workers)
    }

    /// The gradient of an input that several layers share, from the gradients of their outputs.
    func backwardInput(
        _ layers: [(outputGradient: Matrix, layer: LinearLayer)], _ weights: LayerWeights, into gradient: Matrix
    ) {
        Linear.backwardInput(
            zip(layers, widened).map { ($0.outputGradient, matrix($0.layer.weight, weights, using: $1)) }, into: gradient,
            workers: workers)
    }

    /// Adds to the gradients of several weights in one batch, whose many tasks keep all threads busy, and then to those of
    /// their biases. A frozen weight costs nothing.
    func backwardWeight(_ layers: [(outputGradient: Matrix, input: Matrix, layer: LinearLayer)], _ weights: LayerWeights) {
        let trained = layers.compactMap { entry in
            weights.gradient(entry.layer.weight).map { (entry.outputGradient, entry.input, $0) }
        }
        Linear.backwardWeight(trained, workers: workers)
        for layer in layers {
            guard let bias = layer.layer.bias, let gradient = weights.gradient(bias) else { continue }
            Linear.backwardBias(layer.outputGradient, into: gradient, workers: workers)
        }
    }
}
