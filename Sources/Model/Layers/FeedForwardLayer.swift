import Collectives
import Kernels
import Settings
import Tensors

// L rows, D model width, F feed-forward columns of this rank.

/// The feed-forward layer of a block, with or without a gate. Gate and up are column-parallel, down is row-parallel.
struct FeedForwardLayer: Sendable {
    let configuration: FeedForwardConfiguration
    /// Nil without a gate.
    private(set) var gate: LinearLayer?
    private(set) var up: LinearLayer
    private(set) var down: LinearLayer

    init(_ name: String, _ configuration: FeedForwardConfiguration, width: Int, in list: inout ParameterList) {
        self.configuration = configuration
        let size = configuration.size
        gate =
            configuration.isGated
            ? LinearLayer(name + ".gate_proj", outputs: size, inputs: width, .columnParallel(.feedForward), in: &list) : nil
        up = LinearLayer(name + ".up_proj", outputs: size, inputs: width, .columnParallel(.feedForward), in: &list)
        down = LinearLayer(name + ".down_proj", outputs: width, inputs: size, .rowParallel(.feedForward), in: &list)
        guard configuration.hasBias else { return }
        gate?.addBias(count: size, in: &list)
        up.addBias(count: size, in: &list)
        down.addBias(count: width, in: &list)
    }

    var layers: [LinearLayer] { [down] + [gate].compactMap(\.self) + [up] }
}

extension Transformer {
    /// Gate and up of normalised rows `[L, D]`. They stay in `saved` for backward.
    func forwardGates(
        _ layer: FeedForwardLayer, _ normalized: Matrix, _ saved: FeedForwardActivations, _ weights: LayerWeights
    ) {
        linear(normalized, ([layer.gate.map { ($0, saved.gate!) }].compactMap(\.self) + [(layer.up, saved.up)]), weights)
        if let gate = layer.gate { observe(module(gate.weight) + " output", saved.gate!) }
        observe(module(layer.up.weight) + " output", saved.up)
    }

    /// The summand of the layer's output: `update[L, D]`, to be all-reduced.
    func forwardDown(
        _ layer: FeedForwardLayer, _ saved: FeedForwardActivations, _ weights: LayerWeights, into update: Matrix
    ) {
        let activated = activate(layer, saved)
        observe(module(layer.down.weight) + " input", activated)
        linearSummand(activated, layer.down, weights, into: update)
    }

    /// `[L, F]` activation(gate) · up, or activation(up).
    private func activate(_ layer: FeedForwardLayer, _ saved: FeedForwardActivations) -> Matrix {
        let activated = buffers.activated(saved.up.rowCount)
        if let gate = saved.gate {
            GatedActivation(layer.configuration.activation).forward(gate: gate, up: saved.up, into: activated, workers: workers)
        } else {
            PointwiseActivation(layer.configuration.activation).forward(saved.up, into: activated, workers: workers)
        }
        return activated
    }
}

extension Transformer where Kind == Trainable {
    /// From the gradient `[L, D]` of the layer's output to this rank's summand of the gradient of its normalised input.
    /// Overwrites the saved gate and up by their gradients.
    func backward(
        _ layer: FeedForwardLayer, _ outputGradient: Matrix, _ saved: FeedForwardActivations, _ weights: LayerWeights,
        normalized: () -> Matrix, into normalizedGradient: Matrix
    ) {
        let activatedGradient = buffers.scratch(.activatedGradient, outputGradient.rowCount)
        let activated = activate(layer, saved)
        Linear.backwardInput(
            outputGradient, weight: matrix(layer.down.weight, weights, using: widened[0]), into: activatedGradient, workers: workers)
        if let gate = saved.gate {
            GatedActivation(layer.configuration.activation).backward(
                activatedGradient, gate: gate, up: saved.up, gateGradient: gate, upGradient: saved.up, workers: workers)
        } else {
            PointwiseActivation(layer.configuration.activation).backward(
                activatedGradient, input: saved.up, into: saved.up, workers: workers)
        }
        let inputs = [layer.gate.map { ($0, saved.gate!) }].compactMap(\.self) + [(layer.up, saved.up)]
        let normalized = normalized()
        backwardInput(inputs.map { ($1, $0) }, weights, into: normalizedGradient)
        backwardWeight([(outputGradient, activated, layer.down)] + inputs.map { ($1, normalized, $0) }, weights)
    }
}
