import Tensors

/// Softmax of a row of a tile of scores, which are exponents of 2.
enum Softmax {
    /// ln 2: scores in powers of 2 times this are scores in powers of e.
    static let logOfTwo = 0.693_147_180_559_945_3

    /// Raises `maximum` to the largest score, turns scores into 2^(score − maximum), and adds them to `sum`.
    ///
    /// Returns the factor for results that were computed with the old maximum; `nil` if the maximum stays.
    @inline(__always)
    static func forward(
        _ scores: UnsafeMutablePointer<Float>, visible: Int, maximum: inout Float, sum: inout Float
    ) -> Float? {
        let whole = visible & ~7
        let hidden = lanes .>= Float(visible &- whole)
        var best = Float8(repeating: maximum)
        var index = 0
        while index < whole {
            let value = scores.load8(index)
            best.replace(with: value, where: value .> best)
            index &+= 8
        }
        if whole < visible {
            var value = scores.load8(whole)
            value.replace(with: Float8(repeating: -.infinity), where: hidden)
            best.replace(with: value, where: value .> best)
        }
        let largest = best.laneMaximum
        var factor: Float?
        if largest > maximum {
            let change = exponentialOfTwo(Float8(repeating: maximum - largest))[0]
            factor = change
            sum *= change
            maximum = largest
        }
        var sums = Float8.zero
        index = 0
        while index < whole {
            let value = exponentialOfTwo(scores.load8(index) - maximum)
            sums += value
            scores.store8(value, index)
            index &+= 8
        }
        if whole < visible {
            var value = exponentialOfTwo(scores.load8(whole) - maximum)
            value.replace(with: Float8.zero, where: hidden)
            sums += value
            scores.store8(value, whole)
            index &+= 8
        }
        scores.store8(.zero, index)
        sum += sums.laneSum
        return factor
    }

    /// Scores become weights p = 2^(score − logSumExp), gradients become p · (gradient − correction).
    @inline(__always)
    static func backward(
        scores: UnsafeMutablePointer<Float>, gradients: UnsafeMutablePointer<Float>, correction: Float, logSumExp: Float,
        visible: Int
    ) {
        let whole = visible & ~7
        var index = 0
        while index < whole {
            let weight = exponentialOfTwo(scores.load8(index) - logSumExp)
            scores.store8(weight, index)
            gradients.store8(weight * (gradients.load8(index) - correction), index)
            index &+= 8
        }
        if whole < visible {
            let hidden = lanes .>= Float(visible &- whole)
            var weight = exponentialOfTwo(scores.load8(whole) - logSumExp)
            var gradient = weight * (gradients.load8(whole) - correction)
            weight.replace(with: Float8.zero, where: hidden)
            gradient.replace(with: Float8.zero, where: hidden)
            scores.store8(weight, whole)
            gradients.store8(gradient, whole)
            index &+= 8
        }
        scores.store8(.zero, index)
        gradients.store8(.zero, index)
    }

    /// Sets the row's elements before `hidden` to `value`, within a group of eight. Returns the group's start.
    @inline(__always)
    static func hide(_ row: UnsafeMutablePointer<Float>, before hidden: Int, as value: Float) -> Int {
        let start = hidden & ~7
        var group = row.load8(start)
        group.replace(with: Float8(repeating: value), where: lanes .< Float(hidden &- start))
        row.store8(group, start)
        return start
    }

    /// Sets eight or more elements before the first visible one to zero, as far as the row has them. A row without a visible
    /// key gets zeros at the edge of the tile that lies at its window.
    @inline(__always)
    static func clear(_ row: UnsafeMutablePointer<Float>, hidden: Int, visible: Int) {
        if hidden < visible {
            let start = hide(row, before: hidden, as: 0)
            if start > 0 { row.store8(.zero, start &- 8) }
        } else {
            let start = hidden & ~7
            if start > 0 { row.store8(.zero, start &- 8) }
            row.store8(.zero, start)
        }
    }

    @inline(__always)
    private static var lanes: Float8 { Float8(0, 1, 2, 3, 4, 5, 6, 7) }

    static func maximum(_ values: UnsafeMutablePointer<Float>, count: Int) -> Float {
        var best = Float8(repeating: -.infinity)
        var index = 0
        while index + 8 <= count {
            let value = values.load8(index)
            best.replace(with: value, where: value .> best)
            index += 8
        }
        var maximum = best.laneMaximum
        while index < count {
            if values[index] > maximum { maximum = values[index] }
            index += 1
        }
        return maximum
    }
}
