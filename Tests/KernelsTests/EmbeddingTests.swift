import Tensors
import Testing

@testable import Kernels

@Suite struct EmbeddingTests {
    private static let vocabularySize = 37
    private let workers = makeWorkers()

    /// Every token several times, in no order.
    private func tokens(_ count: Int) -> [Int32] {
        var random = KeyedRandom(key: 7, UInt64(count))
        return (0..<count).map { _ in Int32.random(in: 0..<Int32(Self.vocabularySize), using: &random) }
    }

    private func range(_ bounds: (Int, Int)) -> Range<Int> { bounds.0..<bounds.1 }

    @Test(
        "a token inside the range gets its row of the table, another one zeros",
        arguments: [(0, 37), (0, 12), (12, 13), (13, 37), (5, 5)], [1, 7, 129, 300])
    func forward(bounds: (Int, Int), tokenCount: Int) {
        let range = range(bounds)
        let tokens = tokens(tokenCount)
        for width in [1, 9, 64] {
            let table = FramedMatrix(randomMatrix(range.count, width, seed: 1))
            let output = FramedMatrix(unwrittenMatrix(tokenCount, width))
            Embedding.forward(tokens, table: .floats(table.inner), range: range, into: output.inner, workers: workers)
            let expected = tokens.flatMap { token in
                (0..<width).map { column in
                    range.contains(Int(token)) ? table.inner[Int(token) - range.lowerBound, column] : 0
                }
            }
            #expect(output.inner.values == expected)
            #expect(output.isIntact)
        }
    }

    @Test("a table in a file's type gives the bits of the same table as floats", arguments: StoredPlacement.all)
    func storedTable(placement: StoredPlacement) {
        let stored = randomStoredMatrix(20, 33, type: placement.type, byteOffset: placement.byteOffset, seed: 2)
        let tokens = tokens(140)
        let fromStored = unwrittenMatrix(140, 33)
        let fromFloats = unwrittenMatrix(140, 33)
        Embedding.forward(tokens, table: .stored(stored), range: 9..<29, into: fromStored, workers: workers)
        Embedding.forward(tokens, table: .floats(floats(of: stored)), range: 9..<29, into: fromFloats, workers: workers)
        #expect(bits(fromStored) == bits(fromFloats))
        #expect(isFinite(fromStored.values))
    }

    @Test(
        "backward adds every token's gradient to its row, repeated tokens too",
        arguments: [(0, 37), (0, 12), (13, 37)], [1, 9, 127, 300])
    func backward(bounds: (Int, Int), width: Int) {
        let range = range(bounds)
        let tokens = tokens(300)
        let outputGradient = FramedMatrix(randomMatrix(300, width, seed: 3))
        let before = randomMatrix(range.count, width, seed: 4)
        var expected = Table(before)
        for (index, token) in tokens.enumerated() where range.contains(Int(token)) {
            for column in 0..<width {
                expected[Int(token) - range.lowerBound, column] += Double(outputGradient.inner[index, column])
            }
        }
        let gradient = FramedMatrix(before)
        Embedding.backward(
            outputGradient.inner, tokens: tokens, range: range, into: gradient.inner, workers: workers)
        #expect(relativeError(gradient.inner, expected) < 5e-7)
        #expect(gradient.isIntact)
    }
}
