import Foundation
import Tensors
import Testing

@Suite("Hashes of contents")
struct ContentHashTests {
    private func storage(_ bytes: [UInt8]) throws -> Storage {
        let path = NSTemporaryDirectory() + "content-hash-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return try Storage(mapping: path)
    }

    private func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 131 &+ $0 >> 9) } }

    @Test("each byte counts, and each byte more", arguments: [1, 7, 8, 9, 24, 100])
    func everyByte(count: Int) throws {
        let original = bytes(count)
        var seen = [try storage(original).contentDigits(), try storage(original + [0]).contentDigits()]
        for index in original.indices {
            var changed = original
            changed[index] ^= 1
            seen.append(try storage(changed).contentDigits())
        }
        #expect(Set(seen).count == seen.count)
        #expect(seen.allSatisfy { $0.count == 16 })
        #expect(try storage(original).contentDigits() == seen[0])
    }

    @Test("words are not interchangeable")
    func order() {
        var (first, second) = (ContentHash(), ContentHash())
        for word: UInt64 in [1, 2] { first.add(word) }
        for word: UInt64 in [2, 1] { second.add(word) }
        #expect(first.digits != second.digits)
    }

    @Test("a small file is sampled whole, a large one at its beginning, its end and in between")
    func samples() throws {
        let small = bytes(5000)
        #expect(try storage(small).sampledDigits() == storage(small).contentDigits())
        // 64 parts of 32,769 bytes, a few bytes over.
        let large = bytes(64 * 32_769 + 5)
        let digits = try storage(large).sampledDigits()
        #expect(digits != (try storage(large + [0]).sampledDigits()))
        // The first, the last, and the last of a part's block.
        for index in [0, 65_535, large.count - 1, 10 * 32_769 - 1, 10 * 32_769 - 4096] {
            var changed = large
            changed[index] ^= 1
            #expect(try storage(changed).sampledDigits() != digits, "byte \(index)")
        }
    }
}
