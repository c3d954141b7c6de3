import Testing

@testable import Datasets

@Suite struct SamplerTests {
    @Test("an epoch takes every record once, its last step smaller, and then the next begins")
    func coverage() {
        var sampler = Sampler(recordCount: 10, shuffle: true, seed: 17)
        #expect(sampler.stepsPerEpoch(4) == 3)
        let steps = (0..<3).map { _ in sampler.next(4) }
        #expect(steps.map(\.count) == [4, 4, 2])
        #expect(steps.flatMap { $0 }.sorted() == Array(0..<10))
        #expect(sampler.epoch == 0 && sampler.position == 10 && sampler.epochsDone == 1)
        #expect(sampler.next(4).count == 4)
        #expect(sampler.epoch == 1 && sampler.position == 4)
    }

    @Test("the order depends on seed and epoch, and on nothing else")
    func determinism() {
        func order(seed: UInt64, epoch: Int, step: Int = 100) -> [Int] {
            var sampler = Sampler(recordCount: 100, shuffle: true, seed: seed)
            sampler.restore(epoch: epoch, position: 0)
            return (0..<sampler.stepsPerEpoch(step)).flatMap { _ in sampler.next(step) }
        }
        let first = order(seed: 17, epoch: 0)
        #expect(first == order(seed: 17, epoch: 0, step: 7))
        #expect(first != order(seed: 18, epoch: 0))
        #expect(first != order(seed: 17, epoch: 1))
        #expect(first != Array(0..<100))
    }

    @Test("the permutation of a seed is fixed for ever")
    func golden() {
        var sampler = Sampler(recordCount: 10, shuffle: true, seed: 17)
        #expect(sampler.next(10) == goldenOrder)
    }

    @Test("every record comes first about equally often over the epochs")
    func uniform() {
        var counts = [Int](repeating: 0, count: 8)
        var sampler = Sampler(recordCount: 8, shuffle: true, seed: 5)
        for epoch in 0..<8000 {
            sampler.restore(epoch: epoch, position: 0)
            counts[sampler.next(1)[0]] += 1
        }
        // Mean 1000, standard deviation 30: five of them.
        for count in counts { #expect(abs(count - 1000) < 150) }
    }

    @Test("without shuffling every epoch is the dataset's order")
    func inOrder() {
        var sampler = Sampler(recordCount: 5, shuffle: false, seed: 1)
        #expect((0..<4).map { _ in sampler.next(3) } == [[0, 1, 2], [3, 4], [0, 1, 2], [3, 4]])
    }

    @Test("a sampler put back goes on with the same records", arguments: [1, 3, 5, 7, 11])
    func resume(stepsBefore: Int) {
        var sampler = Sampler(recordCount: 10, shuffle: true, seed: 3)
        for _ in 0..<stepsBefore { _ = sampler.next(4) }
        var resumed = Sampler(recordCount: 10, shuffle: true, seed: 3)
        resumed.restore(epoch: sampler.epoch, position: sampler.position)
        for _ in 0..<8 {
            #expect(sampler.next(4) == resumed.next(4))
            #expect(sampler.epoch == resumed.epoch && sampler.position == resumed.position)
        }
    }

    @Test("by tokens: whole records until the sum is reached, one at least, less at the epoch's end")
    func byTokens() {
        let lengths = [5, 5, 30, 1, 2, 3]
        var sampler = Sampler(recordCount: 6, shuffle: false, seed: 1)
        let steps = (0..<5).map { _ in sampler.next(tokens: 10) { lengths[$0] } }
        #expect(steps == [[0, 1], [2], [3, 4, 5], [0, 1], [2]])
        #expect(sampler.stepsPerEpoch(tokens: 10) { lengths[$0] } == 3)
        #expect(sampler.stepsPerEpoch(tokens: 1) { lengths[$0] } == 6)
        #expect(sampler.stepsPerEpoch(tokens: 1000) { lengths[$0] } == 1)
    }

    @Test("by tokens, the steps of a shuffled epoch are counted in that epoch's order")
    func stepsOfAnEpoch() {
        let lengths = (0..<40).map { 1 + ($0 * $0) % 23 }
        for epoch in 0..<6 {
            var sampler = Sampler(recordCount: 40, shuffle: true, seed: 9)
            sampler.restore(epoch: epoch, position: 0)
            var taken: [Int] = []
            var steps = 0
            while taken.count < 40 {
                taken += sampler.next(tokens: 50) { lengths[$0] }
                steps += 1
            }
            #expect(taken.sorted() == Array(0..<40))
            #expect(sampler.stepsPerEpoch(tokens: 50, epoch: epoch) { lengths[$0] } == steps)
        }
    }
}

/// Seed 17, epoch 0, 10 records: calculated by another program from the description of the generator.
private let goldenOrder = [2, 0, 6, 4, 1, 7, 3, 9, 8, 5]

@Suite struct DealingTests {
    @Test("records are dealt longest first to the lightest rank and keep their order")
    func byHand() {
        let lengths = [10: 7, 11: 3, 12: 5, 13: 5, 14: 4]
        // 7 → rank 0; 5 (12) → 1; 5 (13) → 1 has 5 < 7 → 1; 4 → 0; 3 → 1 has 10 < 11 → 1.
        let hands = deal([14, 10, 11, 12, 13], lengths: { lengths[$0]! }, over: 2)
        #expect(hands == [[14, 10], [11, 12, 13]])
        #expect(deal([1, 2, 3], lengths: { _ in 4 }, over: 3) == [[1], [2], [3]])
    }

    @Test("every record is dealt once, and the loads differ by far less than the longest record has")
    func balance() {
        let records = Array(100..<164)
        func length(_ record: Int) -> Int { 20 + (record * 7919) % 600 }
        for ranks in 1...7 {
            let hands = deal(records, lengths: length, over: ranks)
            #expect(hands.count == ranks)
            #expect(hands.flatMap { $0 }.sorted() == records)
            for hand in hands { #expect(hand == hand.sorted()) }
            let loads = hands.map { $0.reduce(0) { $0 + length($1) } }
            #expect(loads.max()! - loads.min()! <= 100, "\(loads)")
        }
    }

    @Test("with fewer records than ranks some ranks get none")
    func fewRecords() {
        #expect(deal([8], lengths: { _ in 3 }, over: 3) == [[8], [], []])
        #expect(deal([], lengths: { _ in 3 }, over: 2) == [[], []])
    }
}
