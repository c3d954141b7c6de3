import Settings
import Tensors

// s a scaled score, c the cap.

/// The soft cap of scores, s' = c · tanh(s / c) (Gemma 2, arXiv:2408.00118). Scores are exponents of 2, so s and c are both
/// divided by ln 2.
struct ScoreCap: Sendable {
    /// c / ln 2
    private let limit: Float
    private let inverse: Float

    /// - Parameter cap: c
    init(_ cap: Double) {
        invariant(cap > 0 && cap.isFinite, "a soft cap is a positive number")
        limit = Float(cap / Softmax.logOfTwo)
        inverse = Float(Softmax.logOfTwo / cap)
    }

    /// Caps `count` scores, eight at a time: elements behind them, up to the next eight, change as well. If wanted, `slopes`
    /// become the derivatives ∂s'/∂s = 1 − tanh²(s / c).
    @inline(__always)
    func apply(to scores: UnsafeMutablePointer<Float>, count: Int, slopes: UnsafeMutablePointer<Float>?) {
        var index = 0
        while index < count {
            let tangent = hyperbolicTangent(scores.load8(index) * inverse)
            scores.store8(tangent * limit, index)
            slopes?.store8((1 - tangent) * (1 + tangent), index)
            index &+= 8
        }
    }

    /// `gradients *= slopes`, eight at a time.
    @inline(__always)
    static func multiply(_ gradients: UnsafeMutablePointer<Float>, by slopes: UnsafeMutablePointer<Float>, count: Int) {
        var index = 0
        while index < count {
            gradients.store8(gradients.load8(index) * slopes.load8(index), index)
            index &+= 8
        }
    }
}
