import Foundation

// U hidden rows, K references of the loss. x: the policy's logits, y: a reference's; both less their maximum of the
// range, divided by the temperature.

extension Double {
    /// Rounding may leave a sum that can't be negative a little below 0; NaN stays NaN.
    var withoutNegative: Double { self < 0 ? 0 : self }
}
