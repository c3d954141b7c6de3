import Foundation

/// A model's logits are relative to their maximum. When the maximum grows, `amount` is the shift of all logits, divided by
/// the temperature, and `factor` multiplies their exponentials.
struct MaximumShift {
    let amount: Double
    let factor: Double

    /// If `old` is −∞, nothing was summed yet.
    init(from old: Double, to new: Double, inverseTemperature: Double) {
        amount = old == -.infinity ? 0 : (old - new) * inverseTemperature
        factor = old == -.infinity ? 0 : exp(amount)
    }

    /// Shifts one row's sums. If both models shift by the same amount, the cross sums are only multiplied.
    static func apply(
        to sums: UnsafeMutablePointer<Double>, policy: MaximumShift, referenceCount: Int,
        reference: (Int) -> MaximumShift
    ) {
        let policySum = sums[0]
        for index in 0..<referenceCount {
            let own = reference(index)
            let part = sums + 1 + 4 * index
            let apart = own.amount - policy.amount
            part[1] = (part[1] + own.amount * part[0]) * own.factor
            part[2] = (part[2] + apart * part[0]) * own.factor
            part[3] = (part[3] - apart * policySum) * policy.factor
            part[0] *= own.factor
        }
        sums[0] *= policy.factor
    }
}
