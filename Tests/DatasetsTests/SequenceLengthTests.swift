import Settings
import Tensors
import Testing

@testable import Datasets

@Suite struct SequenceLengthTests {
    private let even = DatasetRecord(prompt: [1, 2, 3], chosen: [10, 11], rejected: [20, 21])
    private let uneven = DatasetRecord(prompt: [1, 2, 3], chosen: [10], rejected: [20, 21, 22])
    private let text = DatasetRecord(tokens: [4, 5, 6, 7, 8])

    @Test("a token's sequence has its segment and its prefix; a shared prompt counts with its longer sequence")
    func lengths() {
        let shared = MicroBatch([(0, even), (1, uneven), (2, text)]).axis
        #expect(shared.sequenceLengths == [5, 5, 5, 5, 5, 5, 5] + [6, 6, 6, 4, 6, 6, 6] + [5, 5, 5, 5, 5])
        let unshared = MicroBatch([(1, uneven)], prefixSharing: false).axis
        #expect(unshared.sequenceLengths == [4, 4, 4, 4, 6, 6, 6, 6, 6, 6])
        #expect(TokenAxis().sequenceLengths == [])
    }

    @Test(
        "a pair with a sequence beyond the limit shares its prompt only if both are equally long",
        arguments: [(nil, true), (7, true), (6, true), (5, false), (4, false), (2, false)] as [(Int?, Bool)])
    func limit(limit: Int?, sharing: Bool) {
        let batch = MicroBatch([(0, even), (1, uneven), (2, text)], lengthLimit: limit)
        #expect(batch.axis.count == 7 + (sharing ? 7 : 10) + 5)
        #expect(batch.sequenceTokens == 25)
        let other = MicroBatch([(1, uneven)], prefixSharing: sharing)
        #expect(MicroBatch([(1, uneven)], lengthLimit: limit) == other)
        #expect(MicroBatch([(1, uneven)], prefixSharing: false, lengthLimit: limit).axis.count == 10)
    }

    @Test("every token of a micro-batch under a limit has one length on its side of the limit", arguments: [3, 8, 12, 20, 60])
    func oneSide(limit: Int) throws {
        let folder = try TemporaryFolder()
        let pairs = samplePairs(12)
        let file = try writePairs(pairs, to: folder.file("pairs.h5"))
        let packer = MicroBatchPacker(tokensPerMicroBatch: 40, prefixSharing: true, lengthLimit: limit)
        let plan = packer.plan(records: Array(0..<12), in: file)
        #expect(plan.microBatches.flatMap { $0 } == Array(0..<12))
        for records in plan.microBatches {
            let batch = try packer.assemble(records, from: file)
            #expect(batch.axis.count == records.reduce(0) { $0 + packer.axisTokenCount(of: $1, in: file) })
            let lengths = batch.axis.sequenceLengths.map(Int.init)
            for segment in batch.axis.segments {
                guard let prefix = segment.prefix else { continue }
                let own = lengths[segment.range.lowerBound]
                #expect(lengths[prefix.lowerBound] == own || max(own, lengths[prefix.lowerBound]) <= limit)
            }
        }
    }
}
