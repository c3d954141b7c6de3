import Benchmarks
import Testing

@Suite struct PairLengthsTests {
    @Test func pairsHaveTheLengthsOfTheRealOnes() {
        let pairs = PairLengths.bench64.pairs(count: 2000, vocabulary: 512, seed: 17)
        func mean(_ lengths: [Int]) -> Double { Double(lengths.reduce(0, +)) / Double(lengths.count) }
        // Straight lines between octiles: near the real means of 127, 172 and 248.
        #expect(abs(mean(pairs.map(\.prompt.count)) - 127) < 20)
        #expect(abs(mean(pairs.map(\.chosen.count)) - 172) < 20)
        #expect(abs(mean(pairs.map(\.rejected.count)) - 248) < 20)
        #expect(pairs.allSatisfy { $0.prompt.count + max($0.chosen.count, $0.rejected.count) <= 512 })
        #expect(pairs.allSatisfy { ($0.prompt + $0.chosen + $0.rejected).allSatisfy { (3..<512).contains($0) } })
        #expect(pairs.prefix(8) == PairLengths.bench64.pairs(count: 8, vocabulary: 512, seed: 17)[...])
    }
}
