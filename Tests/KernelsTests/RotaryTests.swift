import Foundation
import Settings
import Tensors
import Testing

@testable import Kernels

@Suite struct RotaryTests {
    private let workers = makeWorkers()

    /// How a head may turn: its columns, the columns that turn, and how they are paired.
    struct Shape: Sendable, CustomTestStringConvertible {
        let head: Int
        let turning: Int
        var pairing = RotaryConfiguration.Pairing.halves

        var testDescription: String { "\(turning) of \(head) columns, \(pairing)" }

        static let all: [Shape] = [
            Shape(head: 2, turning: 2), Shape(head: 6, turning: 6), Shape(head: 8, turning: 8), Shape(head: 16, turning: 16),
            Shape(head: 34, turning: 34), Shape(head: 64, turning: 64), Shape(head: 24, turning: 6),
            Shape(head: 40, turning: 32), Shape(head: 7, turning: 4), Shape(head: 2, turning: 2, pairing: .neighbours),
            Shape(head: 18, turning: 18, pairing: .neighbours), Shape(head: 64, turning: 64, pairing: .neighbours),
            Shape(head: 48, turning: 36, pairing: .neighbours),
        ]
    }

    private func rotary(_ shape: Shape, theta: Double = 10_000, positionCount: Int) -> Rotary {
        Rotary(
            RotaryConfiguration(theta: theta, dimension: shape.turning, pairing: shape.pairing), headDimension: shape.head,
            positionCount: positionCount)
    }

    /// Positions as they occur: restarting, repeating, and up to the last of the table.
    private func positions(_ count: Int, below limit: Int) -> [Int32] {
        (0..<count).map { Int32(($0 * 37 + $0 / 3) % limit) }.reversed()
    }

    @Test(
        "each pair of columns turns by position · theta^(−2i/d), and the other columns keep their bits",
        arguments: Shape.all, [(1, 10_000.0), (3, 100_000.0)])
    func forward(shape: Shape, headsAndTheta: (Int, Double)) {
        let (headCount, theta) = headsAndTheta
        let rotary = rotary(shape, theta: theta, positionCount: 500)
        for tokenCount in [1, 7, 65, 130] {
            let positions = positions(tokenCount, below: 500)
            let heads = FramedMatrix(randomMatrix(tokenCount, headCount * shape.head, seed: 1))
            let before = Table(heads.inner)
            let expected = Oracle.rotary(
                before, headDimension: shape.head, theta: theta, dimension: shape.turning, positions: positions,
                pairing: shape.pairing)
            rotary.forward(heads.inner, positions: positions, workers: workers)
            #expect(relativeError(heads.inner, expected) < 2e-7)
            #expect(heads.isIntact)
            let after = Table(heads.inner)
            #expect(
                before.values.indices.allSatisfy { $0 % shape.head < shape.turning || after.values[$0] == before.values[$0] })
        }
    }

    @Test("whole heads in halves have the bits of plain float arithmetic")
    func bitsOfHalves() {
        let rotary = rotary(Shape(head: 22, turning: 22), positionCount: 60)
        let positions = positions(40, below: 60)
        let heads = randomMatrix(40, 44, seed: 6)
        var expected = heads.values
        for (token, position) in positions.enumerated() {
            for head in 0..<2 {
                for pair in 0..<11 {
                    let angle = Double(position) * pow(10_000, -2 * Double(pair) / 22)
                    let (c, s) = (Float(cos(angle)), Float(sin(angle)))
                    let (first, second) = (token * 44 + head * 22 + pair, token * 44 + head * 22 + pair + 11)
                    let (real, imaginary) = (expected[first], expected[second])
                    expected[first] = real * c - imaginary * s
                    expected[second] = imaginary * c + real * s
                }
            }
        }
        rotary.forward(heads, positions: positions, workers: workers)
        #expect(bits(heads) == expected.map(\.bitPattern))
    }

    @Test("backward turns gradients back by the same angles", arguments: Shape.all)
    func backward(shape: Shape) {
        let rotary = rotary(shape, positionCount: 300)
        let positions = positions(129, below: 300)
        let gradient = randomMatrix(129, 3 * shape.head, seed: 2)
        let before = Table(gradient)
        rotary.backward(gradient, positions: positions, workers: workers)
        let expected = Oracle.rotary(
            before, headDimension: shape.head, theta: 10_000, dimension: shape.turning, positions: positions,
            pairing: shape.pairing, direction: -1)
        #expect(relativeError(gradient, expected) < 2e-7)
        rotary.forward(gradient, positions: positions, workers: workers)
        #expect(relativeError(gradient, before) < 2e-7)
    }

    @Test(
        "gradients are the slopes of the output",
        arguments: [Shape(head: 6, turning: 6), Shape(head: 6, turning: 4), Shape(head: 6, turning: 4, pairing: .neighbours)])
    func slopes(shape: Shape) {
        let rotary = rotary(shape, positionCount: 20)
        let positions: [Int32] = [0, 3, 19, 3, 1]
        let input = Table(randomMatrix(5, 12, seed: 3))
        let gradient = randomMatrix(5, 12, seed: 4)
        let slope = Table(gradient)
        rotary.backward(gradient, positions: positions, workers: workers)
        let slopes = numericalGradient(at: input) {
            Oracle.rotary(
                $0, headDimension: 6, theta: 10_000, dimension: shape.turning, positions: positions, pairing: shape.pairing
            ).dot(slope)
        }
        #expect(relativeError(gradient, slopes) < 1e-6)
    }

    @Test("position 0 changes no bit")
    func positionZero() {
        let rotary = rotary(Shape(head: 16, turning: 16), positionCount: 4)
        let heads = randomMatrix(70, 32, seed: 5)
        let before = bits(heads)
        rotary.forward(heads, positions: [Int32](repeating: 0, count: 70), workers: workers)
        #expect(bits(heads) == before)
        #expect(rotary.positionCount == 4)
    }

    @Test("a table that grows keeps the bits of its angles")
    func growth() {
        var growing = rotary(Shape(head: 16, turning: 16), positionCount: 0)
        let positions: [Int32] = [4, 0, 70]
        growing.prepare(positions: [3])
        growing.prepare(positions: positions)
        #expect(growing.positionCount == 71)
        let (first, second) = (randomMatrix(3, 16, seed: 7), randomMatrix(3, 16, seed: 7))
        growing.forward(first, positions: positions, workers: workers)
        rotary(Shape(head: 16, turning: 16), positionCount: 500).forward(second, positions: positions, workers: workers)
        #expect(bits(first) == bits(second))
    }
}
