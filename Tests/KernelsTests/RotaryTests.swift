import Tensors
import Testing

@testable import Kernels

@Suite struct RotaryTests {
    private let workers = makeWorkers()

    /// Positions as they occur: restarting, repeating, and up to the last of the table.
    private func positions(_ count: Int, below limit: Int) -> [Int32] {
        (0..<count).map { Int32(($0 * 37 + $0 / 3) % limit) }.reversed()
    }

    @Test(
        "each pair of elements turns by position · theta^(−2i/E)",
        arguments: [2, 6, 8, 16, 34, 64], [(1, 10_000.0), (3, 100_000.0)])
    func forward(headDimension: Int, headsAndTheta: (Int, Double)) {
        let (headCount, theta) = headsAndTheta
        let rotary = Rotary(headDimension: headDimension, theta: theta, positionCount: 500)
        for tokenCount in [1, 7, 65, 130] {
            let positions = positions(tokenCount, below: 500)
            let heads = FramedMatrix(randomMatrix(tokenCount, headCount * headDimension, seed: 1))
            let expected = Oracle.rotary(
                Table(heads.inner), headDimension: headDimension, theta: theta, positions: positions)
            rotary.forward(heads.inner, positions: positions, workers: workers)
            #expect(relativeError(heads.inner, expected) < 2e-7)
            #expect(heads.isIntact)
        }
    }

    @Test("backward turns gradients back by the same angles", arguments: [2, 6, 16, 34, 64])
    func backward(headDimension: Int) {
        let rotary = Rotary(headDimension: headDimension, theta: 10_000, positionCount: 300)
        let positions = positions(129, below: 300)
        let gradient = randomMatrix(129, 3 * headDimension, seed: 2)
        let before = Table(gradient)
        rotary.backward(gradient, positions: positions, workers: workers)
        let expected = Oracle.rotary(
            before, headDimension: headDimension, theta: 10_000, positions: positions, direction: -1)
        #expect(relativeError(gradient, expected) < 2e-7)
        rotary.forward(gradient, positions: positions, workers: workers)
        #expect(relativeError(gradient, before) < 2e-7)
    }

    @Test("gradients are the slopes of the output")
    func slopes() {
        let rotary = Rotary(headDimension: 6, theta: 10_000, positionCount: 20)
        let positions: [Int32] = [0, 3, 19, 3, 1]
        let input = Table(randomMatrix(5, 12, seed: 3))
        let gradient = randomMatrix(5, 12, seed: 4)
        let slope = Table(gradient)
        rotary.backward(gradient, positions: positions, workers: workers)
        let slopes = numericalGradient(at: input) {
            Oracle.rotary($0, headDimension: 6, theta: 10_000, positions: positions).dot(slope)
        }
        #expect(relativeError(gradient, slopes) < 1e-6)
    }

    @Test("position 0 changes no bit")
    func positionZero() {
        let rotary = Rotary(headDimension: 16, theta: 10_000, positionCount: 4)
        let heads = randomMatrix(70, 32, seed: 5)
        let before = bits(heads)
        rotary.forward(heads, positions: [Int32](repeating: 0, count: 70), workers: workers)
        #expect(bits(heads) == before)
        #expect(rotary.positionCount == 4)
    }
}
