import Tensors
import Testing

@testable import Kernels

@Suite struct RankSumTests {
    @Test(
        "the sum is taken in the order of ranks, to the bit, whichever rank takes it", arguments: [1, 2, 3, 4, 7],
        [0, 1, 7, 8, 2049, 5000])
    func order(rankCount: Int, count: Int) {
        let numbers = (0..<rankCount).map { randomMatrix(1, count, seed: UInt64($0 + 1)) }
        let expected = (0..<count).map { index in numbers.dropFirst().reduce(numbers[0].pointer[index]) { $0 + $1.pointer[index] } }
        for rank in 0..<rankCount {
            let others = Matrix(rowCount: rankCount - 1, columnCount: count)
            for (row, other) in (0..<rankCount).filter({ $0 != rank }).enumerated() {
                others.rows(row..<row + 1).copy(from: numbers[other])
            }
            let own = FramedMatrix(numbers[rank])
            RankSum.add(others, to: own.inner, rank: rank)
            #expect(own.inner.values.map(\.bitPattern) == expected.map(\.bitPattern), "rank \(rank)")
            #expect(own.isIntact)
        }
    }
}
