import Tensors

/// Sees what a pass computes, tensor by tensor, in the order in which they are made.
///
/// - Parameters:
///   - name: by the modules of the checkpoint: `model.layers.3.mlp.gate_proj output`,
///     `gradient of model.layers.3.mlp.gate_proj.weight`.
///   - values: this rank's part, valid during the call only.
public typealias TensorObserver = (_ name: String, _ values: Matrix) -> Void

extension Transformer {
    /// Nothing is computed or named where nobody looks.
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
    /// What passes until now have added up for some parameters.
    func observeGradients(_ parameters: [Int]) {
        guard observer != nil else { return }
        for parameter in parameters {
            observe("gradient of " + table.specifications[parameter].name, self.parameters.gradients[parameter])
        }
    }
}
