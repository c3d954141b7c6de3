import Foundation
import Testing
import Tokenization

@testable import Datasets

@Suite("The tokenizer's identity in a dataset") struct TokenizerRecordTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func prepared(_ lines: [String], tokenizer: String?, validation: Double? = nil) throws -> PrepareSummary {
        let input = try folder.write(lines.map { $0 + "\n" }.joined(), to: "records.jsonl")
        return try prepare(
            PrepareRequest(
                inputs: [input], output: folder.file("data.h5"), tokenizer: tokenizer, validationFraction: validation))
    }

    @Test("texts, and ids that a tokenizer is named for, record it in every file that is written")
    func recorded() throws {
        let tokenizer = try ByteTokenizer.write(to: folder)
        let identity = try Tokenizer(folder: tokenizer).identity
        for line in [#"{"text": "some words"}"#, #"{"input_ids": [1, 2, 3]}"#] {
            let summary = try prepared([String](repeating: line, count: 40), tokenizer: tokenizer, validation: 0.5)
            for path in [summary.training.path, try #require(summary.validation).path] {
                #expect(try DatasetFile(path: path).tokenizer == identity)
            }
        }
    }

    @Test("token ids alone record none")
    func notRecorded() throws {
        let summary = try prepared([#"{"input_ids": [1, 2, 3]}"#], tokenizer: nil)
        #expect(try DatasetFile(path: summary.training.path).tokenizer == nil)
    }

    @Test("texts and the ids that they become are the same records, and differ in what tells the tokenizer only")
    func sameRecords() throws {
        let tokenizer = try ByteTokenizer.write(to: folder)
        let texts = try DatasetFile(
            path: prepared([#"{"text": "some words"}"#], tokenizer: tokenizer).training.path)
        let record = try texts.record(0)
        let ids = try DatasetFile(path: prepared([#"{"input_ids": \#(record.tokens)}"#], tokenizer: nil).training.path)
        #expect(try ids.record(0) == record)
        #expect(texts.tokenizer != nil && ids.tokenizer == nil)
    }
}
