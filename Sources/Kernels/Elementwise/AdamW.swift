import Foundation
import Tensors

/// AdamW (Loshchilov, Hutter, arXiv:1711.05101), one fused pass over a tensor's values, gradient and moments.
public struct AdamW: Sendable {
    public var beta1: Double
    public var beta2: Double
    public var epsilon: Double

    public init(beta1: Double, beta2: Double, epsilon: Double) {
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
    }

    /// One step, counted from 1: m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², with bias correction, and
    /// θ ← θ·(1 − rate·decay) − rate · m̂ / (√v̂ + ε). `gradientScale` multiplies g first (clipping).
    public func update(
        values: Matrix, gradient: Matrix, firstMoment: Matrix, secondMoment: Matrix, step: Int, learningRate: Double,
        weightDecay: Double, gradientScale: Double, workers: Workers
    ) {
        let correction1 = 1 - pow(beta1, Double(step))
        let correction2 = (1 - pow(beta2, Double(step))).squareRoot()
        let constants = Constants(
            scale: Float(gradientScale), beta1: Float(beta1), rest1: Float(1 - beta1), beta2: Float(beta2),
            rest2: Float(1 - beta2), decay: Float(learningRate * weightDecay), rate: Float(learningRate / correction1),
            inverseCorrection: Float(1 / correction2), epsilon: Float(epsilon))
        let tiles = Tiles(values.rowCount, limit: 64)
        workers.run(tiles.tileCount) { tile, _ in
            for row in tiles[tile] {
                AdamW.updateRow(
                    values.row(row), gradient.row(row), firstMoment.row(row), secondMoment.row(row),
                    count: values.columnCount, constants)
            }
        }
    }

    private struct Constants {
        var scale, beta1, rest1, beta2, rest2, decay, rate, inverseCorrection, epsilon: Float
    }

    private static func updateRow(
        _ value: UnsafeMutablePointer<Float>, _ gradient: UnsafeMutablePointer<Float>,
        _ first: UnsafeMutablePointer<Float>, _ second: UnsafeMutablePointer<Float>, count: Int, _ c: Constants
    ) {
        var index = 0
        while index &+ 8 <= count {
            var (m, v) = (first.load8(index), second.load8(index))
            value.store8(updated(value.load8(index), gradient.load8(index), &m, &v, c), index)
            first.store8(m, index)
            second.store8(v, index)
            index &+= 8
        }
        guard index < count else { return }
        let rest = count - index
        var m = first.loadPartial(index, count: rest, fill: 0)
        var v = second.loadPartial(index, count: rest, fill: 0)
        let result = updated(
            value.loadPartial(index, count: rest, fill: 0), gradient.loadPartial(index, count: rest, fill: 0), &m, &v, c)
        value.storePartial(result, index, count: rest)
        first.storePartial(m, index, count: rest)
        second.storePartial(v, index, count: rest)
    }

    @inline(__always)
    private static func updated(
        _ value: Float8, _ gradient: Float8, _ m: inout Float8, _ v: inout Float8, _ c: Constants
    ) -> Float8 {
        let g = gradient * c.scale
        m = m * c.beta1 + g * c.rest1
        v = v * c.beta2 + g * g * c.rest2
        // The decay is subtracted: the factor 1 − rate · decay rounds to 1 in Float at the small rates of fine-tuning.
        return value - (value * c.decay + m * c.rate / (squareRoot(v) * c.inverseCorrection + c.epsilon))
    }
}
