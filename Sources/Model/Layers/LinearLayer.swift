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
    func linear(_ input: Matrix, _ layers: [(layer: LinearLayer, output: Matrix)]) {
        linear(input, layers.map { ($0.layer.weight, $0.layer.bias, $0.output) })
    }

    /// The summand of a row-parallel layer, without its bias.
    func linearSummand(_ input: Matrix, _ layer: LinearLayer, into output: Matrix) {
        linear(input, [(layer.weight, nil, output)])
    }

    /// Adds the bias of a row-parallel layer to its all-reduced output.
    func addBias(_ layer: LinearLayer, to output: Matrix) {
        if let bias = layer.bias { Linear.addBias(parameters.vector(bias), to: output, workers: workers) }
    }

    /// Linear layers that share an input, by the indices of their weights and biases.
    func linear(_ input: Matrix, _ layers: [(weight: Int, bias: Int?, output: Matrix)]) {
        let layers = zip(layers, widened).map { layer, scratch in
            Linear.Layer(
                weight: parameters.weight(layer.weight).floats(using: scratch, workers: workers),
                bias: layer.bias.map { parameters.vector($0) }, output: layer.output)
        }
        Linear.forward(input, layers, workers: workers)
    }
}

extension Transformer where Kind == Trainable {
    /// The gradient of an input that several layers share, from the gradients of their outputs.
    func backwardInput(_ layers: [(outputGradient: Matrix, layer: LinearLayer)], into gradient: Matrix) {
        Linear.backwardInput(
            layers.map { ($0.outputGradient, parameters.values[$0.layer.weight]) }, into: gradient, workers: workers)
    }

    /// Adds to the gradients of several weights in one batch, whose many tasks keep all threads busy, and then to those of
    /// their biases.
    func backwardWeight(_ layers: [(outputGradient: Matrix, input: Matrix, layer: LinearLayer)]) {
        Linear.backwardWeight(
            layers.map { ($0.outputGradient, $0.input, parameters.gradients[$0.layer.weight]) }, workers: workers)
        for layer in layers {
            if let bias = layer.layer.bias { Linear.backwardBias(layer.outputGradient, into: parameters.gradients[bias]) }
        }
    }
}
