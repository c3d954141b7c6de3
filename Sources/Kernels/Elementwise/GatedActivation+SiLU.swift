import Tensors

/// For callers that know no other activation.
extension GatedActivation {
    /// `output[T, F] = silu(gate) · up`
    public static func forward(gate: Matrix, up: Matrix, into output: Matrix, workers: Workers) {
        GatedActivation(.silu).forward(gate: gate, up: up, into: output, workers: workers)
    }

    /// As the method of the same name, of `silu`.
    public static func backward(
        _ outputGradient: Matrix, gate: Matrix, up: Matrix, gateGradient: Matrix, upGradient: Matrix, workers: Workers
    ) {
        GatedActivation(.silu).backward(
            outputGradient, gate: gate, up: up, gateGradient: gateGradient, upGradient: upGradient, workers: workers)
    }
}
