import Foundation
import Tensors
import Testing

@Suite("Digests of mapped files")
struct StorageDigitsTests {
    private func storage(_ bytes: [UInt8]) throws -> Storage {
        let path = NSTemporaryDirectory() + "storage-digits-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return try Storage(mapping: path)
    }

    private func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 131 &+ $0 >> 9) } }

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
