import Tensors
import Testing

@Suite struct KeyedRandomTests {
    private func draws(_ count: Int, _ random: KeyedRandom) -> [UInt64] {
        var random = random
        return (0..<count).map { _ in random.next() }
    }

    @Test("a key gives the same numbers every time, whatever else was drawn")
    func determinism() {
        let first = draws(100, KeyedRandom(key: 17, 3, 5))
        _ = draws(7, KeyedRandom(key: 18))
        #expect(draws(100, KeyedRandom(key: 17, 3, 5)) == first)
        #expect(Set(first).count == 100)
    }

    @Test("numbers of a key never change between versions: runs are resumed by them")
    func pinnedNumbers() {
        #expect(draws(2, KeyedRandom(key: 17)) == [3_290_784_187_061_893_038, 3_961_719_803_328_605_895])
        #expect(draws(2, KeyedRandom(key: 17, 1, 2)) == [13_389_776_823_807_158_710, 6_499_245_627_061_763_897])
    }

    @Test("keys that differ in a part, in order or in length give other numbers")
    func keysDiffer() {
        let generators = [
            KeyedRandom(key: 1), KeyedRandom(key: 2), KeyedRandom(key: 1, 0), KeyedRandom(key: 0, 1),
            KeyedRandom(key: 1, 2), KeyedRandom(key: 2, 1), KeyedRandom(key: 1, 2, 0), KeyedRandom(key: 0),
            KeyedRandom(key: 0, 0),
        ]
        let all = generators.flatMap { draws(50, $0) }
        #expect(Set(all).count == all.count)
    }

    @Test("units lie in (0, 1], spread evenly, and follow each other independently", arguments: [0, 1, 17, 1 << 40])
    func uniformity(seed: UInt64) {
        var random = KeyedRandom(key: seed)
        let count = 40_000
        let units = (0..<count).map { _ in random.nextUnit() }
        let inside = units.allSatisfy { $0 > 0 && $0 <= 1 }
        #expect(inside)
        let mean = units.reduce(0, +) / Double(count)
        // Four standard deviations of each estimate.
        #expect(abs(mean - 0.5) < 4 * 0.2887 / Double(count).squareRoot())
        var bins = [Int](repeating: 0, count: 20)
        for unit in units { bins[min(19, Int(unit * 20))] += 1 }
        let expected = Double(count) / 20
        let chiSquare = bins.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
        #expect(chiSquare < 45)
        let products = zip(units, units.dropFirst()).reduce(0.0) { $0 + ($1.0 - 0.5) * ($1.1 - 0.5) }
        #expect(abs(products / Double(count) * 12) < 4 / Double(count).squareRoot())
    }

    @Test("first numbers of consecutive keys are spread evenly: a sample's key is its number")
    func consecutiveKeys() {
        let count = 4000
        var bins = [Int](repeating: 0, count: 16)
        for key in 0..<UInt64(count) {
            var random = KeyedRandom(key: 17, key)
            bins[Int(random.next() >> 60)] += 1
        }
        let expected = Double(count) / 16
        let chiSquare = bins.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
        #expect(chiSquare < 40)
    }
}
