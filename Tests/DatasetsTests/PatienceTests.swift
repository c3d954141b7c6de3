import Foundation
import Settings
import Testing

@testable import Datasets

/// Inputs that would take a careless reader hours.
@Suite("Lines that are made to last") struct PatienceTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("a hundred thousand ranges that are not to be learnt cost no more than reading them", .timeLimit(.minutes(1)))
    func manySpans() throws {
        let count = 100_000
        let spans = (0..<count).map { "[\(2 * $0),\(2 * $0 + 1)]" }.joined(separator: ",")
        let text = String(repeating: "ab", count: count)
        let encoder = try RecordEncoder(folder: ByteTokenizer.write(to: folder))
        let line = Array("{\"text\": \"\(text)\", \"loss_masking_spans\": [\(spans)]}".utf8)
        let record = try encoder.text(RecordFields(parsing: line[...])).record
        #expect(record.kind == .text)
        let mask = try #require(record.lossMask)
        // a is not learnt, b is; then the end.
        #expect(mask.count == record.tokens.count)
        #expect(mask.count { !$0 } == count && mask.count { $0 } == count + 1)
    }
}
