import Settings
import Tensors
import Testing

@testable import Datasets

@Suite struct MicroBatchTests {
    private let pair = DatasetRecord(prompt: [1, 2, 3], chosen: [10, 11], rejected: [20, 21, 22])

    @Test("with prefix sharing a pair is a prompt and two completions that see it")
    func shared() {
        let batch = MicroBatch([(7, pair)], prefixSharing: true)
        #expect(batch.axis.tokens == [1, 2, 3, 10, 11, 20, 21, 22])
        #expect(batch.axis.positions == [0, 1, 2, 3, 4, 3, 4, 5])
        #expect(
            batch.axis.segments == [
                Segment(range: 0..<3), Segment(range: 3..<5, prefix: 0..<3), Segment(range: 5..<8, prefix: 0..<3),
            ])
        #expect(batch.rows == rows([(2, 10), (3, 11), (2, 20), (5, 21), (6, 22)]))
        #expect(batch.records == [RecordLayout(record: 7, [.chosen: 0..<2, .rejected: 2..<5])])
        #expect(batch.sequenceTokens == 11)
    }

    @Test("without prefix sharing the prompt is laid out twice")
    func unshared() {
        let batch = MicroBatch([(7, pair)], prefixSharing: false)
        #expect(batch.axis.tokens == [1, 2, 3, 10, 11, 1, 2, 3, 20, 21, 22])
        #expect(batch.axis.positions == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5])
        #expect(batch.axis.segments == [Segment(range: 0..<5), Segment(range: 5..<11)])
        #expect(batch.rows == rows([(2, 10), (3, 11), (7, 20), (8, 21), (9, 22)]))
        #expect(batch.records == [RecordLayout(record: 7, [.chosen: 0..<2, .rejected: 2..<5])])
        #expect(batch.sequenceTokens == 11)
    }

    @Test("a second pair follows the first on the axis and in the rows")
    func twoPairs() {
        let other = DatasetRecord(prompt: [5], chosen: [6], rejected: [7])
        let batch = MicroBatch([(4, pair), (0, other)], prefixSharing: true)
        #expect(batch.axis.tokens == [1, 2, 3, 10, 11, 20, 21, 22, 5, 6, 7])
        #expect(batch.axis.segments[4] == Segment(range: 9..<10, prefix: 8..<9))
        #expect(Array(batch.rows[5...]) == rows([(8, 6), (8, 7)]))
        #expect(
            batch.records
                == [
                    RecordLayout(record: 4, [.chosen: 0..<2, .rejected: 2..<5]),
                    RecordLayout(record: 0, [.chosen: 5..<6, .rejected: 6..<7]),
                ])
        #expect(batch.sequenceTokens == 15)
    }

    @Test("a text is one segment; every counted token but the first has a row at the position before")
    func texts() {
        let plain = DatasetRecord(tokens: [4, 5, 6])
        let masked = DatasetRecord(tokens: [7, 8, 9, 10], lossMask: [true, false, true, true])
        let none = DatasetRecord(tokens: [1, 2], lossMask: [true, false])
        let batch = MicroBatch([(2, plain), (0, masked), (1, none)])
        #expect(batch.axis.tokens == [4, 5, 6, 7, 8, 9, 10, 1, 2])
        #expect(batch.axis.positions == [0, 1, 2, 0, 1, 2, 3, 0, 1])
        #expect(batch.axis.segments == [Segment(range: 0..<3), Segment(range: 3..<7), Segment(range: 7..<9)])
        #expect(batch.rows == rows([(0, 5), (1, 6), (4, 9), (5, 10)]))
        #expect(
            batch.records
                == [
                    RecordLayout(record: 2, [.completion: 0..<2]), RecordLayout(record: 0, [.completion: 2..<4]),
                    RecordLayout(record: 1, [.completion: 4..<4]),
                ])
        #expect(batch.sequenceTokens == 9)
    }

    @Test(
        "scoring all tokens adds the prompt's own, once for each of the two sequences",
        arguments: [
            (true, [(0, 2), (1, 3), (0, 2), (1, 3)] as [(Int, Int32)]), (false, [(0, 2), (1, 3), (5, 2), (6, 3)]),
        ])
    func allTokensOfPairs(sharing: Bool, prompt: [(Int, Int32)]) {
        let batch = MicroBatch([(7, pair)], prefixSharing: sharing, scoring: .all)
        #expect(Array(batch.rows[5...]) == rows(prompt))
        #expect(batch.records == [RecordLayout(record: 7, [.chosen: 0..<2, .rejected: 2..<5, .prompt: 5..<9])])
    }

    @Test("scoring all tokens adds those that a loss mask leaves out, after the counted ones")
    func allTokensOfTexts() {
        let masked = DatasetRecord(tokens: [7, 8, 9, 10], lossMask: [true, false, true, true])
        let batch = MicroBatch([(0, masked)], scoring: .all)
        #expect(batch.rows == rows([(1, 9), (2, 10), (0, 8)]))
        #expect(batch.records == [RecordLayout(record: 0, [.completion: 0..<2, .context: 2..<3])])
    }

    private func rows(_ pairs: [(Int, Int32)]) -> [ScoredRow] { pairs.map { ScoredRow(position: $0.0, target: $0.1) } }
}

@Suite struct MicroBatchPackerTests {
    @Test("records fill micro-batches in order; one longer than the limit is alone and reported")
    func planned() {
        let lengths = [6, 4, 1, 25, 3, 3, 5, 10]
        let packer = MicroBatchPacker(tokensPerMicroBatch: 10, prefixSharing: true)
        let plan = packer.plan(records: Array(0..<8)) { lengths[$0] }
        #expect(plan.microBatches == [[0, 1], [2], [3], [4, 5], [6], [7]])
        #expect(plan.oversized == [3])
        #expect(packer.plan(records: []) { _ in 1 } == MicroBatchPlan())
    }

    @Test("a micro-batch read from a file is the one made of its records, and as long as its plan says")
    func assembled() throws {
        let folder = try TemporaryFolder()
        let pairs = samplePairs(12)
        let file = try writePairs(pairs, to: folder.file("pairs.h5"))
        for sharing in [true, false] {
            let packer = MicroBatchPacker(tokensPerMicroBatch: 40, prefixSharing: sharing)
            let records = [11, 3, 4, 0, 7, 2]
            let plan = packer.plan(records: records, in: file)
            #expect(plan.microBatches.flatMap { $0 } == records)
            #expect(plan.microBatches.count > 1)
            for members in plan.microBatches {
                let batch = try packer.assemble(members, from: file)
                #expect(batch == MicroBatch(members.map { ($0, pairs[$0]) }, prefixSharing: sharing))
                let planned = members.reduce(0) { $0 + packer.axisTokenCount(of: $1, in: file) }
                #expect(batch.axis.count == planned && planned <= 40)
                #expect(batch.sequenceTokens == members.reduce(0) { $0 + file.sequenceTokenCount(of: $1) })
            }
        }
    }

    @Test("a text file gives text micro-batches with its masks")
    func assembledText() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("text.h5")
        let texts = [
            DatasetRecord(tokens: [4, 5, 6], lossMask: [true, true, true]),
            DatasetRecord(tokens: [7, 8, 9], lossMask: [false, false, true]),
        ]
        let writer = try DatasetWriter(path: path, kind: .text)
        for text in texts { try writer.append(text) }
        try writer.commit()
        let batch = try MicroBatchPacker(tokensPerMicroBatch: 100, prefixSharing: true)
            .assemble([1, 0], from: try DatasetFile(path: path))
        #expect(batch == MicroBatch([(1, texts[1]), (0, texts[0])]))
        #expect(batch.rows.count == 3)
    }
}
