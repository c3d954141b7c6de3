import Foundation
import Tensors

/// Sums over one rank's range of the vocabulary, collected tile by tile. Each row's sums are relative to the row's maximum in
/// the range.
public struct PartialRowStatistics: Sendable {
    /// `[U]` the largest logit of the range.
    public internal(set) var maximum: [Double]
    /// `[U]` the token of the largest logit.
    public internal(set) var mostProbable: [Int]
    /// `[U]` Σ exp(x − maximum), Σ exp(2(x − maximum)), Σ (x − maximum)·exp(x − maximum), Σ x.
    public internal(set) var exponentials: [Double]
    public internal(set) var squaredExponentials: [Double]
    public internal(set) var weightedLogits: [Double]
    public internal(set) var logits: [Double]
    /// `[R]` the target's logit, 0 where the target is outside the range.
    public internal(set) var targetLogits: [Double]

    init(rowCount: Int, targetCount: Int) {
        maximum = [Double](repeating: -.infinity, count: rowCount)
        mostProbable = [Int](repeating: Int.max, count: rowCount)
        exponentials = [Double](repeating: 0, count: rowCount)
        squaredExponentials = exponentials
        weightedLogits = exponentials
        logits = exponentials
        targetLogits = [Double](repeating: 0, count: targetCount)
    }

    public var rowCount: Int { maximum.count }

    /// The sums relative to `newMaximum[U]` (the maximum over all ranks), one array after the other, with the target logits
    /// last: the input of the all-reduce over the tensor ranks.
    public func rescaled(to newMaximum: [Double]) -> [Double] {
        var result: [Double] = []
        result.reserveCapacity(4 * rowCount + targetLogits.count)
        let factor = zip(maximum, newMaximum).map { old, new in old == -.infinity ? 0 : exp(old - new) }
        for row in 0..<rowCount { result.append(exponentials[row] * factor[row]) }
        for row in 0..<rowCount { result.append(squaredExponentials[row] * factor[row] * factor[row]) }
        for row in 0..<rowCount {
            let shift = factor[row] == 0 ? 0 : maximum[row] - newMaximum[row]
            result.append((weightedLogits[row] + shift * exponentials[row]) * factor[row])
        }
        result += logits
        result += targetLogits
        return result
    }

    /// For each row the token that reaches the maximum over all ranks, or `Int.max` if no token of this range does. The
    /// minimum over the ranks is the arg-max.
    public func candidates(for newMaximum: [Double]) -> [Int] {
        (0..<rowCount).map { maximum[$0] == newMaximum[$0] ? mostProbable[$0] : Int.max }
    }

    /// Merges the sums of several ranges of the vocabulary.
    static func merged(_ parts: [PartialRowStatistics], rowCount: Int, targetCount: Int) -> PartialRowStatistics {
        var whole = PartialRowStatistics(rowCount: rowCount, targetCount: targetCount)
        for part in parts {
            for row in 0..<rowCount { whole.maximum[row] = max(whole.maximum[row], part.maximum[row]) }
        }
        var sums = [Double](repeating: 0, count: 4 * rowCount + targetCount)
        for part in parts {
            for (index, value) in part.rescaled(to: whole.maximum).enumerated() { sums[index] += value }
            for (row, candidate) in part.candidates(for: whole.maximum).enumerated() {
                whole.mostProbable[row] = min(whole.mostProbable[row], candidate)
            }
        }
        whole.exponentials = Array(sums[0..<rowCount])
        whole.squaredExponentials = Array(sums[rowCount..<(2 * rowCount)])
        whole.weightedLogits = Array(sums[(2 * rowCount)..<(3 * rowCount)])
        whole.logits = Array(sums[(3 * rowCount)..<(4 * rowCount)])
        whole.targetLogits = Array(sums[(4 * rowCount)...])
        return whole
    }

    /// Statistics of each row over the full vocabulary, and the log-probability of each target, from the all-reduced sums.
    ///
    /// - Parameters:
    ///   - maximum: `[U]`, over all ranks.
    ///   - sums: `rescaled(to:)`, summed over all ranks.
    ///   - targetRows: `[R]` each target's row.
    public static func combined(
        maximum: [Double], sums: [Double], mostProbable: [Int], targetRows: [Int], vocabularySize: Int
    ) -> (rows: [RowStatistics], logProbabilities: [Double]) {
        let count = maximum.count
        let rows = (0..<count).map { row in
            let exponentials = sums[row]
            let logSumExp = maximum[row] + log(exponentials)
            return RowStatistics(
                logSumExp: logSumExp,
                sumOfSquaredProbabilities: sums[count + row] / (exponentials * exponentials),
                entropy: log(exponentials) - sums[2 * count + row] / exponentials,
                meanLogit: sums[3 * count + row] / Double(vocabularySize),
                mostProbable: mostProbable[row])
        }
        let logProbabilities = targetRows.enumerated().map { index, row in
            sums[4 * count + index] - rows[row].logSumExp
        }
        return (rows, logProbabilities)
    }

    /// Raw access for tasks that write different rows.
    mutating func withUnsafeAccess(_ body: (Access) -> Void) {
        maximum.withUnsafeMutableBufferPointer { maximum in
            mostProbable.withUnsafeMutableBufferPointer { mostProbable in
                exponentials.withUnsafeMutableBufferPointer { exponentials in
                    squaredExponentials.withUnsafeMutableBufferPointer { squaredExponentials in
                        weightedLogits.withUnsafeMutableBufferPointer { weightedLogits in
                            logits.withUnsafeMutableBufferPointer { logits in
                                targetLogits.withUnsafeMutableBufferPointer { targetLogits in
                                    body(
                                        Access(
                                            maximum: maximum, mostProbable: mostProbable, exponentials: exponentials,
                                            squaredExponentials: squaredExponentials, weightedLogits: weightedLogits, logits: logits,
                                            targetLogits: targetLogits))
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    struct Access {
        let maximum: UnsafeMutableBufferPointer<Double>
        let mostProbable: UnsafeMutableBufferPointer<Int>
        let exponentials: UnsafeMutableBufferPointer<Double>
        let squaredExponentials: UnsafeMutableBufferPointer<Double>
        let weightedLogits: UnsafeMutableBufferPointer<Double>
        let logits: UnsafeMutableBufferPointer<Double>
        let targetLogits: UnsafeMutableBufferPointer<Double>

        /// Adds one tile of a row's logits to the row's sums. A new maximum first rescales the earlier sums.
        func add(_ values: UnsafeMutablePointer<Float>, count: Int, firstToken: Int, toRow row: Int) {
            let tileMaximum = Softmax.maximum(values, count: count)
            if Double(tileMaximum) > maximum[row] {
                let isFirst = maximum[row] == -.infinity
                let shift = isFirst ? 0 : maximum[row] - Double(tileMaximum)
                let factor = isFirst ? 0 : exp(shift)
                weightedLogits[row] = (weightedLogits[row] + shift * exponentials[row]) * factor
                exponentials[row] *= factor
                squaredExponentials[row] *= factor * factor
                maximum[row] = Double(tileMaximum)
                var column = 0
                while column < count - 1 && values[column] != tileMaximum { column += 1 }
                mostProbable[row] = firstToken + column
            }
            let offset = Float(maximum[row])
            var (sum, squares, weighted, plain) = (Float8.zero, Float8.zero, Float8.zero, Float8.zero)
            var index = 0
            while index + 8 <= count {
                let value = values.load8(index)
                let distance = value - offset
                let weight = exponential(distance)
                sum += weight
                squares = squares.addingProduct(weight, weight)
                weighted = weighted.addingProduct(weight, distance)
                plain += value
                index += 8
            }
            var totals = (
                Double(sum.laneSum), Double(squares.laneSum), Double(weighted.laneSum), Double(plain.laneSum)
            )
            while index < count {
                let value = Double(values[index])
                let distance = value - Double(offset)
                let weight = exp(distance)
                totals.0 += weight
                totals.1 += weight * weight
                totals.2 += weight * distance
                totals.3 += value
                index += 1
            }
            exponentials[row] += totals.0
            squaredExponentials[row] += totals.1
            weightedLogits[row] += totals.2
            logits[row] += totals.3
        }
    }
}
