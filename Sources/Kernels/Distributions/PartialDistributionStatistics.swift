import Foundation
import Settings

// U hidden rows, K references of the loss. x: the policy's logits, y: a reference's logits; both minus their maximum in the
// range, divided by the temperature.

/// Sums of each row's distributions over one rank's range of the vocabulary. Each model's logits are relative to its own
/// maximum in the range, so a constant offset between two models costs no precision.
public struct PartialDistributionStatistics: Sendable {
    /// `[U, 1 + K]` the largest logit of the policy and of each reference, before the division by the temperature; −∞ if the
    /// range holds no shared token. The all-reduce over the ranks takes the maximum.
    public let maximum: [Double]
    /// `[U, 1 + K]` the tokens of the maxima.
    let mostProbable: [Int]
    /// `[U, 1 + 4·K]` Σ e^x; then for each reference Σ e^y, Σ y·e^y, Σ e^y·(y − x), Σ e^x·(x − y).
    let sums: [Double]
    let referenceCount: Int
    let inverseTemperature: Double

    public var rowCount: Int { maximum.count / (1 + referenceCount) }

    /// The sums relative to `newMaximum[U, 1 + K]` (the maximum over all ranks): the input of the all-reduce.
    public func rescaled(to newMaximum: [Double]) -> [Double] {
        let (modelCount, sumCount) = (1 + referenceCount, 1 + 4 * referenceCount)
        var result = sums
        result.withUnsafeMutableBufferPointer { result in
            for row in 0..<rowCount {
                func shift(_ model: Int) -> MaximumShift {
                    MaximumShift(
                        from: maximum[row * modelCount + model], to: newMaximum[row * modelCount + model],
                        inverseTemperature: inverseTemperature)
                }
                MaximumShift.apply(
                    to: result.baseAddress! + row * sumCount, policy: shift(0), referenceCount: referenceCount
                ) { shift(1 + $0) }
            }
        }
        return result
    }

    /// `[U, 1 + K]` the token that reaches the maximum over all ranks, or `Int.max` if no token of this range does. The
    /// minimum over the ranks is the arg-max.
    public func candidates(for newMaximum: [Double]) -> [Int] {
        maximum.indices.map { maximum[$0] == newMaximum[$0] ? mostProbable[$0] : Int.max }
    }

    /// Merges the sums of several ranges of the vocabulary. `empty` has the sums of no range.
    static func merged(
        _ parts: [PartialDistributionStatistics], empty: PartialDistributionStatistics
    ) -> PartialDistributionStatistics {
        guard let first = parts.first else { return empty }
        var (maximum, mostProbable) = (first.maximum, empty.mostProbable)
        for part in parts {
            for (index, value) in part.maximum.enumerated() { maximum[index] = max(maximum[index], value) }
        }
        var sums = [Double](repeating: 0, count: first.sums.count)
        for part in parts {
            for (index, value) in part.rescaled(to: maximum).enumerated() { sums[index] += value }
            for (index, candidate) in part.candidates(for: maximum).enumerated() {
                mostProbable[index] = min(mostProbable[index], candidate)
            }
        }
        return PartialDistributionStatistics(
            maximum: maximum, mostProbable: mostProbable, sums: sums, referenceCount: first.referenceCount,
            inverseTemperature: first.inverseTemperature)
    }

    /// Each row's distributions from the all-reduced arrays.
    ///
    /// - Parameters:
    ///   - maximum: `[U, 1 + K]`, over all ranks.
    ///   - sums: `rescaled(to:)`, summed over all ranks.
    ///   - mostProbable: `candidates(for:)`, the minimum over all ranks.
    public static func combined(
        maximum: [Double], sums: [Double], mostProbable: [Int], referenceCount: Int
    ) -> [DistributionRow] {
        let (modelCount, sumCount) = (1 + referenceCount, 1 + 4 * referenceCount)
        invariant(maximum.count % modelCount == 0 && sums.count == maximum.count / modelCount * sumCount, "each model's rows have their sums")
        return (0..<(maximum.count / modelCount)).map { row in
            let (models, own) = (row * modelCount, row * sumCount)
            let policySum = sums[own]
            let references = (0..<referenceCount).map { reference in
                let start = own + 1 + 4 * reference
                let sum = sums[start]
                // log(Zx / Zy): exactly 0 if both have the same bits.
                let difference = log(policySum) - log(sum)
                return ReferenceRow(
                    maximum: maximum[models + 1 + reference], logSumExp: log(sum),
                    entropy: log(sum) - sums[start + 1] / sum,
                    forwardDivergence: (sums[start + 2] / sum + difference).withoutNegative,
                    reverseDivergence: (sums[start + 3] / policySum - difference).withoutNegative,
                    mostProbable: mostProbable[models + 1 + reference])
            }
            return DistributionRow(
                policyMaximum: maximum[models], policyLogSumExp: log(policySum), policyMostProbable: mostProbable[models],
                references: references)
        }
    }
}
