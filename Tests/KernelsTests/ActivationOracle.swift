import Foundation
import Settings

extension FeedForwardConfiguration.Activation {
    static let all: [FeedForwardConfiguration.Activation] = [.silu, .gelu, .geluTanh]

    /// In Double, by the C library's functions.
    func value(_ x: Double) -> Double {
        switch self {
        case .silu: x / (1 + exp(-x))
        case .gelu: x / 2 * erfc(-x / 2.0.squareRoot())
        // 1 + tanh(y) is 2·e^2y / (e^2y + 1), without its cancellation.
        case .geluTanh: x / (1 + exp(-2 * (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        }
    }

    /// Central differences.
    func slope(_ x: Double) -> Double { (value(x + 1e-5) - value(x - 1e-5)) / 2e-5 }
}
