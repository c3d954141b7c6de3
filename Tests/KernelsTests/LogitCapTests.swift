import Foundation
import Tensors
import Testing

@testable import Kernels

@Suite struct LogitCapTests {
    @Test("half the hyperbolic tangent's argument: the relative error is below 4e-7, close to 0 too", arguments: [-1.0, 1.0])
    func accuracy(sign: Double) {
        var largest = 0.0
        for step in 0..<200_000 {
            let x = Float(sign * pow(10, -8 + 9.3 * Double(step) / 199_999))
            let wanted = tanh(Double(x) / 2)
            let error = abs(Double(LogitCap.hyperbolicTangent(ofHalf: Float8(repeating: x))[3]) / wanted - 1)
            if !(error <= largest) { largest = error.isNaN ? .infinity : error }
        }
        #expect(largest < 4e-7)
    }

    @Test("the hyperbolic tangent of zero is zero, of large numbers ±1, of NaN NaN")
    func ends() {
        let found = LogitCap.hyperbolicTangent(ofHalf: Float8(0, -0.0, 20, -20, 1e30, -.infinity, .nan, .infinity))
        #expect(found[0] == 0 && found[1] == 0)
        #expect(found[2] == 1 && found[3] == -1 && found[4] == 1 && found[5] == -1 && found[7] == 1)
        #expect(found[6].isNaN)
    }

    @Test("a row of decoded logits is capped by the definition; a head without a cap leaves its bits", arguments: [5.0, 30])
    func decoding(cap: Double) {
        let logits = FramedMatrix(randomMatrix(2, 45, scale: 3 * cap, seed: 1))
        let before = logits.inner.values
        Head(workers: makeWorkers(1)).cap(logits.inner)
        #expect(logits.inner.values.map(\.bitPattern) == before.map(\.bitPattern))
        Head(workers: makeWorkers(1), softCap: cap).cap(logits.inner)
        let wanted = before.map { cap * tanh(Double($0) / cap) }
        #expect(largestDifference(logits.inner.values.map { Double($0) }, wanted) < 3e-7 * cap)
        #expect(logits.isIntact)
    }

    @Test("capped logits do not depend on where a tile ends")
    func tileEnds() {
        let (whole, cut) = (randomMatrix(3, 45, scale: 40, seed: 1), randomMatrix(3, 45, scale: 40, seed: 1))
        let cap = LogitCap(30)
        cap.forward(whole)
        for columns in [0..<3, 3..<20, 20..<45] { cap.forward(cut.columns(columns)) }
        #expect(bits(whole) == bits(cut))
    }

    @Test("the slope is that of the definition, and 0 where a logit is at the cap", arguments: [5.0, 30])
    func slopes(cap: Double) {
        let logits = randomMatrix(1, 45, scale: 3 * cap, seed: 2)
        logits[0, 7] = Float(40 * cap)
        let wanted = logits.values.map { 2 / (cosh(Double($0) / cap) * cosh(Double($0) / cap)) }
        let gradients = FramedMatrix(Matrix(rowCount: 1, columnCount: 45, values: [Float](repeating: 2, count: 45)))
        LogitCap(cap).forward(logits)
        LogitCap(cap).backward(gradients.inner.row(0), capped: logits.row(0), count: 45)
        #expect(largestDifference(gradients.inner.values.map { Double($0) }, wanted) < 2e-6)
        #expect(gradients.inner[0, 7] == 0)
        #expect(gradients.isIntact)
    }
}
