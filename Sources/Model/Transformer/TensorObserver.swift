import Tensors

/// Gets every tensor that a pass computes, in the order of the computation.
///
/// - Parameters:
///   - name: a name after the modules of the checkpoint: `model.layers.3.mlp.gate_proj output`,
///     `gradient of model.layers.3.mlp.gate_proj.weight`.
///   - values: this rank's part, valid only during the call.
public typealias TensorObserver = (_ name: String, _ values: Matrix) -> Void

extension Transformer {
    /// Without an observer neither the name nor the values are computed.
    func observe(_ name: @autoclosure () -> String, _ values: @autoclosure () -> Matrix) {
        if let observer { observer(name(), values()) }
    }

    /// The module that a parameter belongs to.
    func module(_ parameter: Int) -> String {
        let name = table.specifications[parameter].name
        return name.hasSuffix(".weight") ? String(name.dropLast(".weight".count)) : name
    }

    func layerName(_ layer: Int) -> String { "model.layers.\(layer)" }
}

extension Transformer where Kind == Trainable {
    /// Gives the observer the gradients of some parameters, summed over the passes so far.
    func observeGradients(_ parameters: [Int]) {
        guard observer != nil else { return }
        for parameter in parameters {
            observe("gradient of " + table.specifications[parameter].name, self.parameters.gradients[parameter])
        }
    }
}
