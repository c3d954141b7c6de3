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

    @inline(__always)
    private static func updateRow(
        _ value: UnsafeMutablePointer<Float>, _ gradient: UnsafeMutablePointer<Float>,
        _ first: UnsafeMutablePointer<Float>, _ second: UnsafeMutablePointer<Float>, count: Int, _ c: Constants
    ) {
        var index = 0
        while index < count {
            let lanes = min(8, count - index)
            let full = lanes == 8
            let g = (full ? gradient.load8(index) : gradient.loadPartial(index, count: lanes, fill: 0)) * c.scale
            let oldFirst = full ? first.load8(index) : first.loadPartial(index, count: lanes, fill: 0)
            let oldSecond = full ? second.load8(index) : second.loadPartial(index, count: lanes, fill: 0)
            let old = full ? value.load8(index) : value.loadPartial(index, count: lanes, fill: 0)
            let m = oldFirst * c.beta1 + g * c.rest1
            let v = oldSecond * c.beta2 + g * g * c.rest2
            // The decay as a difference: 1 − rate · decay is 1 in Float for the small rates of fine-tuning.
            let updated = old - (old * c.decay + m * c.rate / (v.squareRoot() * c.inverseCorrection + c.epsilon))
            if full {
                first.store8(m, index)
                second.store8(v, index)
                value.store8(updated, index)
            } else {
                first.storePartial(m, index, count: lanes)
                second.storePartial(v, index, count: lanes)
                value.storePartial(updated, index, count: lanes)
            }
            index += 8
        }
    }
}
