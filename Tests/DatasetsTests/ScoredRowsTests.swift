import Settings
import Tensors
import Testing

@testable import Datasets

@Suite struct ScoredRowsTests {
    private func texts(_ texts: [DatasetRecord], in folder: TemporaryFolder, named name: String) throws -> DatasetFile {
        let writer = try DatasetWriter(path: folder.file(name), kind: .text)
        for text in texts { try writer.append(text) }
        try writer.commit()
        return try DatasetFile(path: folder.file(name))
    }

    @Test("a micro-batch's rows are its records' one after the other, as many as the dataset foretells", arguments: ScoredTokens.allCases)
    func recordRows(scoring: ScoredTokens) throws {
        let folder = try TemporaryFolder()
        let pairs = try writePairs(samplePairs(6), to: folder.file("pairs.h5"))
        let plain = try texts(
            (2..<8).map { DatasetRecord(tokens: Array(1...Int32($0))) }, in: folder, named: "plain.h5")
        let masked = try texts(
            [
                DatasetRecord(tokens: [1, 2, 3, 4], lossMask: [false, false, true, true]),
                DatasetRecord(tokens: [1, 2], lossMask: [true, false]), DatasetRecord(tokens: [5, 6, 7], lossMask: [true, true, false]),
            ], in: folder, named: "masked.h5")
        for (file, sharing) in [(pairs, true), (pairs, false), (plain, true), (masked, true)] {
            let packer = MicroBatchPacker(tokensPerMicroBatch: 1000, prefixSharing: sharing, scoring: scoring)
            let records = Array((0..<file.recordCount).reversed())
            let batch = try packer.assemble(records, from: file)
            let rows = batch.records.map { (record: $0.record, rows: $0.rows) }
            #expect(rows.map(\.record) == records)
            #expect(rows.flatMap { Array($0.rows) } == Array(batch.rows.indices))
            for (record, rows) in rows {
                let count = file.scoredRowCount(of: record, scoring)
                #expect((count == nil) == (file === masked && scoring == .completion))
                #expect(count == nil || count == rows.count)
            }
        }
    }

    @Test("a fingerprint tells datasets apart by lengths, tokens and masks, and nothing else")
    func fingerprint() throws {
        let folder = try TemporaryFolder()
        func fingerprint(_ name: String, _ records: [DatasetRecord]) throws -> String {
            try texts(records, in: folder, named: name).fingerprint()
        }
        let first = try fingerprint("a", [DatasetRecord(tokens: [1, 2, 3, 4]), DatasetRecord(tokens: [5, 6])])
        #expect(first.count == 64)
        #expect(try fingerprint("b", [DatasetRecord(tokens: [1, 2, 3, 4]), DatasetRecord(tokens: [5, 6])]) == first)
        let others = [
            try fingerprint("c", [DatasetRecord(tokens: [1, 2, 3]), DatasetRecord(tokens: [4, 5, 6])]),
            try fingerprint("d", [DatasetRecord(tokens: [1, 2, 3, 5]), DatasetRecord(tokens: [5, 6])]),
            try fingerprint("e", [DatasetRecord(tokens: [1, 2, 3, 4], lossMask: [false, true, true, true]), DatasetRecord(tokens: [5, 6])]),
            try fingerprint("f", [DatasetRecord(tokens: [1, 2, 3, 4], lossMask: [false, true, true, false]), DatasetRecord(tokens: [5, 6])]),
        ]
        #expect(Set(others + [first]).count == 5)
    }
}
