import Foundation
import Settings

extension FeedForwardConfiguration.Activation {
    /// The activations of one input.
    static let all: [FeedForwardConfiguration.Activation] = [.silu, .gelu, .geluTanh]

    /// In Double, by the C library's functions.
    func value(_ x: Double) -> Double {
        switch self {
        case .silu: x / (1 + exp(-x))
        case .gelu: x / 2 * erfc(-x / 2.0.squareRoot())
        // 1 + tanh(y) is 2·e^2y / (e^2y + 1), without its cancellation.
        case .geluTanh: x / (1 + exp(-2 * (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        case .clampedSiLU: fatalError("the clamped SiLU has two inputs")
        }
    }

    /// The output of a layer with a gate.
    func value(gate: Double, up: Double) -> Double {
        guard case .clampedSiLU(let limit, let slope) = self else { return value(gate) * up }
        let (g, u) = (min(gate, limit), max(-limit, min(up, limit)))
        return g / (1 + exp(-slope * g)) * (u + 1)
    }

    /// Central differences.
    func slope(_ x: Double) -> Double { (value(x + 1e-5) - value(x - 1e-5)) / 2e-5 }

    /// Central differences of the output of a layer with a gate.
    func gateSlope(gate: Double, up: Double) -> Double {
        (value(gate: gate + 1e-5, up: up) - value(gate: gate - 1e-5, up: up)) / 2e-5
    }

    func upSlope(gate: Double, up: Double) -> Double {
        (value(gate: gate, up: up + 1e-5) - value(gate: gate, up: up - 1e-5)) / 2e-5
    }
}
