import Settings
import Tensors

// l a logit before the cap, z = c · tanh(l / c) the capped logit.

/// The soft cap of a head's logits (Gemma 2, arXiv:2408.00118, section 2).
struct LogitCap: Sendable {
    private let cap: Float
    private let half: Float

    /// - Parameter cap: c
    init(_ cap: Double) {
        invariant(cap > 0 && cap.isFinite, "a soft cap is a positive number")
        self.cap = Float(cap)
        half = Float(cap / 2)
    }

    /// Replaces each l by z. Every element has the same arithmetic, so a result does not depend on where a tile ends.
    func forward(_ logits: Matrix) {
        for row in 0..<logits.rowCount { forward(logits.row(row), count: logits.columnCount) }
    }

    private func forward(_ logits: UnsafeMutablePointer<Float>, count: Int) {
        var index = 0
        while index &+ 8 <= count {
            logits.store8(capped(logits.load8(index)), index)
            index &+= 8
        }
        guard index < count else { return }
        logits.storePartial(capped(logits.loadPartial(index, count: count - index, fill: 0)), index, count: count - index)
    }

    /// Turns the gradients of `capped` into the gradients of l, in place: times ∂z/∂l = 1 − (z / c)².
    func backward(_ gradients: UnsafeMutablePointer<Float>, capped: UnsafeMutablePointer<Float>, count: Int) {
        var index = 0
        while index &+ 8 <= count {
            gradients.store8(gradients.load8(index) * slope(capped.load8(index)), index)
            index &+= 8
        }
        guard index < count else { return }
        let rest = count - index
        let last = gradients.loadPartial(index, count: rest, fill: 0) * slope(capped.loadPartial(index, count: rest, fill: 0))
        gradients.storePartial(last, index, count: rest)
    }

    @inline(__always)
    private func capped(_ logit: Float8) -> Float8 { LogitCap.hyperbolicTangent(ofHalf: logit / half) * cap }

    @inline(__always)
    private func slope(_ capped: Float8) -> Float8 {
        let tangent = capped / cap
        return (1 - tangent) * (1 + tangent)
    }

    /// tanh(x/2) = (e^x − 1) / (e^x + 1), relative error below 4e-7. Beyond ±20 the result is ±1 in float32; NaN stays NaN.
    ///
    /// e^x − 1 is put together from the parts of e^x, because the difference of the whole e^x and 1 would lose small x.
    @inline(__always)
    static func hyperbolicTangent(ofHalf x: Float8) -> Float8 {
        var clamped = x
        clamped.replace(with: Float8(repeating: -20), where: clamped .< -20)
        clamped.replace(with: Float8(repeating: 20), where: clamped .> 20)
        let parts = ExponentialParts(clamped)
        let small = parts.rest.addingProduct(parts.series, parts.rest * parts.rest)
        let exponentialMinusOne = (parts.power - 1).addingProduct(small, parts.power)
        return exponentialMinusOne / (exponentialMinusOne + 2)
    }
}
