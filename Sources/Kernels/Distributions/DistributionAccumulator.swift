import Foundation
import Tensors

/// Collects the sums of `PartialDistributionStatistics` tile by tile. Each task adds to different rows.
final class DistributionAccumulator: @unchecked Sendable {
    private let rowCount: Int
    private let referenceCount: Int
    private let inverseTemperature: Float
    private let maximum: UnsafeMutableBufferPointer<Double>
    private let mostProbable: UnsafeMutableBufferPointer<Int>
    private let sums: UnsafeMutableBufferPointer<Double>

    private var modelCount: Int { 1 + referenceCount }
    private var sumCount: Int { 1 + 4 * referenceCount }

    init(_ entry: DistributionPlan.Entry, rowCount: Int) {
        self.rowCount = rowCount
        referenceCount = entry.references.count
        inverseTemperature = entry.inverseTemperature
        maximum = .allocate(capacity: rowCount * (1 + referenceCount))
        mostProbable = .allocate(capacity: rowCount * (1 + referenceCount))
        sums = .allocate(capacity: rowCount * (1 + 4 * referenceCount))
        maximum.initialize(repeating: -.infinity)
        mostProbable.initialize(repeating: Int.max)
        sums.initialize(repeating: 0)
    }

    deinit {
        maximum.deallocate()
        mostProbable.deallocate()
        sums.deallocate()
    }

    var statistics: PartialDistributionStatistics {
        PartialDistributionStatistics(
            maximum: Array(maximum), mostProbable: Array(mostProbable), sums: Array(sums), referenceCount: referenceCount,
            inverseTemperature: Double(inverseTemperature))
    }

    /// Adds one tile of a row's logits to the row's sums. New maxima first shift the earlier sums.
    func add(
        _ policy: UnsafeMutablePointer<Float>, reference: (Int) -> UnsafeMutablePointer<Float>, count: Int,
        firstToken: Int, toRow row: Int
    ) {
        guard count > 0 else { return }
        let own = sums.baseAddress! + row * sumCount
        let policyShift = raise(row, model: 0, policy, count: count, firstToken: firstToken)
        MaximumShift.apply(to: own, policy: policyShift, referenceCount: referenceCount) { index in
            raise(row, model: 1 + index, reference(index), count: count, firstToken: firstToken)
        }
        let maxima = maximum.baseAddress! + row * modelCount
        if referenceCount == 0 {
            own[0] += exponentials(policy, count: count, maximum: Float(maxima[0]))
        }
        for index in 0..<referenceCount {
            let found = sideBySide(
                policy, reference(index), count: count, maxima: (Float(maxima[0]), Float(maxima[1 + index])))
            let part = own + 1 + 4 * index
            if index == 0 { own[0] += found.policy.total }
            part[0] += found.reference.total
            part[1] += found.weighted.total
            part[2] += found.forward.total
            part[3] -= found.backward.total
        }
    }

    /// Raises a model's maximum to the tile's maximum if the latter is larger.
    private func raise(
        _ row: Int, model: Int, _ logits: UnsafeMutablePointer<Float>, count: Int, firstToken: Int
    ) -> MaximumShift {
        let (index, old) = (row * modelCount + model, maximum[row * modelCount + model])
        let largest = Softmax.maximum(logits, count: count)
        if Double(largest) > old {
            maximum[index] = Double(largest)
            var column = 0
            while column < count - 1 && logits[column] != largest { column += 1 }
            mostProbable[index] = firstToken + column
        }
        return MaximumShift(from: old, to: maximum[index], inverseTemperature: Double(inverseTemperature))
    }

    private func exponentials(_ logits: UnsafeMutablePointer<Float>, count: Int, maximum: Float) -> Double {
        let row = LogitRow(logits, count: count, maximum: Double(maximum), inverseTemperature: inverseTemperature)
        var sum = WideSum()
        forEachBlock(count) { index, isWhole in
            sum.add(probability(isWhole ? row.unchecked8(index) : row.last(index)))
        } afterBlock: {
            sum.flush()
        }
        return sum.total
    }

    /// Σ e^x, Σ e^y, Σ y·e^y, Σ e^y·(y − x), Σ e^x·(y − x)
    private struct Sums {
        var policy = WideSum()
        var reference = WideSum()
        var weighted = WideSum()
        var forward = WideSum()
        var backward = WideSum()

        @inline(__always)
        mutating func add(_ x: Float8, _ y: Float8, _ policyWeight: Float8, _ referenceWeight: Float8) {
            let difference = y - x
            policy.add(policyWeight)
            reference.add(referenceWeight)
            weighted.add(referenceWeight, times: y)
            forward.add(referenceWeight, times: difference)
            backward.add(policyWeight, times: difference)
        }

        @inline(__always)
        mutating func flush() {
            policy.flush()
            reference.flush()
            weighted.flush()
            forward.flush()
            backward.flush()
        }
    }

    private func sideBySide(
        _ policy: UnsafeMutablePointer<Float>, _ reference: UnsafeMutablePointer<Float>, count: Int,
        maxima: (policy: Float, reference: Float)
    ) -> Sums {
        let first = LogitRow(policy, count: count, maximum: Double(maxima.policy), inverseTemperature: inverseTemperature)
        let second = LogitRow(
            reference, count: count, maximum: Double(maxima.reference), inverseTemperature: inverseTemperature)
        var sums = Sums()
        forEachBlock(count) { index, isWhole in
            let x = isWhole ? first.unchecked8(index) : first.last(index)
            let y = isWhole ? second.unchecked8(index) : second.last(index)
            sums.add(x, y, probability(x), probability(y))
        } afterBlock: {
            sums.flush()
        }
        return sums
    }
}
