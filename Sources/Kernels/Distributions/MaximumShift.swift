import Foundation

/// How far all of a model's logits move, as the loss sees them, when their maximum grows; and what that makes of their exponentials.
struct MaximumShift {
    let amount: Double
    let factor: Double

    /// From −∞ on there is nothing yet that could move.
    init(from old: Double, to new: Double, inverseTemperature: Double) {
        amount = old == -.infinity ? 0 : (old - new) * inverseTemperature
        factor = old == -.infinity ? 0 : exp(amount)
    }

    /// Moves one row's sums. Where both models move by the same amount, the cross sums are only multiplied.
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
