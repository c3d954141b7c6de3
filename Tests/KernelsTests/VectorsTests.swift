import Kernels
import Tensors
import Testing

/// The loss of x against y, in Double, and its central differences by x.
private func differences(_ x: [Float], _ loss: ([Float]) -> Double) -> [Double] {
    x.indices.map { index in
        var (up, down) = (x, x)
        up[index] += 1e-2
        down[index] -= 1e-2
        return (loss(up) - loss(down)) / (Double(up[index]) - Double(down[index]))
    }
}

@Suite struct VectorsTests {
    private let x: [Float] = [0.3, -1.2, 2, 0.7, -0.1]
    private let y: [Float] = [0.5, -1, 1.5, -0.7, 0.2]

    @Test("the mean squared difference is that of a hand calculation, and its gradient that of finite differences")
    func meanSquaredDifference() {
        // (0.04 + 0.04 + 0.25 + 1.96 + 0.09) / 5
        #expect(abs(Vectors.meanSquaredDifference(x, y, 5) - 0.476) < 1e-6)
        var gradient = x
        Vectors.squaredDifferenceGradient(&gradient, y, 5, weight: 0.7)
        for (actual, expected) in zip(gradient, differences(x) { 0.7 * Vectors.meanSquaredDifference($0, y, 5) }) {
            #expect(abs(Double(actual) - expected) < 1e-5)
        }
    }

    @Test("the cosine is that of a hand calculation, and its loss's gradient that of finite differences")
    func cosine() {
        // 3.84 over the root of 6.03 · 4.03
        #expect(abs(Vectors.Cosine(x, y, 5).value - 3.84 / (6.03 * 4.03).squareRoot()) < 1e-6)
        var gradient = x
        Vectors.Cosine(x, y, 5).lossGradient(&gradient, y, 5, weight: 0.7)
        for (actual, expected) in zip(gradient, differences(x) { 0.7 * (1 - Vectors.Cosine($0, y, 5).value) }) {
            #expect(abs(Double(actual) - expected) < 1e-4)
        }
    }

    @Test("a vector of zeros is at right angles to everything and gets no gradient")
    func zeros() {
        var zeros: [Float] = [0, 0, 0, 0, 0]
        let cosine = Vectors.Cosine(zeros, y, 5)
        #expect(cosine.value == 0)
        cosine.lossGradient(&zeros, y, 5, weight: 1)
        #expect(zeros == [0, 0, 0, 0, 0])
    }

    @Test("equal vectors have the squared difference 0 and no gradient")
    func equal() {
        var gradient = x
        #expect(Vectors.meanSquaredDifference(x, x, 5) == 0)
        Vectors.squaredDifferenceGradient(&gradient, x, 5, weight: 1)
        #expect(gradient == [0, 0, 0, 0, 0])
    }
}
