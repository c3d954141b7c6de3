import Foundation
import Tensors

// V vocabulary size. l a logit before the cap, z the capped logit.

/// What a head does to its products: it adds a bias, then caps.
struct LogitSettings: Sendable {
    /// `[1, V]`
    var bias: Matrix?
    /// c
    var softCap: Double?

    /// z of a product, by the definition.
    func logit(_ product: Double, token: Int) -> Double {
        let sum = product + (bias.map { Double($0[0, token]) } ?? 0)
        return softCap.map { $0 * tanh(sum / $0) } ?? sum
    }

    /// ∂z/∂l = 1 / cosh²(l / c), where z is capped.
    func slope(_ product: Double, token: Int) -> Double {
        guard let softCap else { return 1 }
        let hyperbolicCosine = cosh((product + (bias.map { Double($0[0, token]) } ?? 0)) / softCap)
        return 1 / (hyperbolicCosine * hyperbolicCosine)
    }

    /// The bias of the tokens of `range`.
    func bias(_ range: Range<Int>) -> Matrix? { bias?.columns(range) }
}
