import Foundation
import Settings
import Testing

@testable import Datasets

@Suite("What tells datasets apart at a start")
struct SampledFingerprintTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func fingerprint(texts: [DatasetRecord]) throws -> String {
        let path = folder.file(UUID().uuidString)
        let writer = try DatasetWriter(path: path, kind: .text)
        for text in texts { try writer.append(text) }
        try writer.commit()
        return try DatasetFile(path: path).sampledFingerprint()
    }

    @Test("the same records, written again at another time, are the same; other tokens or lengths are not")
    func content() throws {
        var pairs = samplePairs(20)
        let first = try writePairs(pairs, to: folder.file("first")).sampledFingerprint()
        #expect(try writePairs(pairs, to: folder.file("second")).sampledFingerprint() == first)
        pairs[7].chosen[1] += 1
        #expect(try writePairs(pairs, to: folder.file("third")).sampledFingerprint() != first)
        #expect(try writePairs(samplePairs(19), to: folder.file("fourth")).sampledFingerprint() != first)
    }

    @Test("loss masks count")
    func masks() throws {
        let texts = (0..<4).map { DatasetRecord(tokens: [1, 2, 3, Int32($0)], lossMask: [true, false, true, true]) }
        var others = texts
        others[2].lossMask![3] = false
        #expect(try fingerprint(texts: texts) != fingerprint(texts: others))
    }

    @Test("a large dataset is sampled up to its last token")
    func large() throws {
        var texts = (0..<80).map { index in
            DatasetRecord(tokens: (0..<10_000).map { Int32(($0 * 7 + index) % 500) })
        }
        let first = try fingerprint(texts: texts)
        #expect(try fingerprint(texts: texts) == first)
        texts[79].tokens[9_999] = 499 - texts[79].tokens[9_999]
        #expect(try fingerprint(texts: texts) != first)
    }
}
