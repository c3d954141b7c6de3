import Foundation
import Settings
import Tensors
import Testing

@Suite struct StorageTests {
    private func failure(mapping path: String) throws -> Failure {
        var found: Failure?
        do throws(Failure) { _ = try Storage(mapping: path) } catch { found = error }
        return try #require(found, "\(path) was mapped")
    }

    private func withTemporaryFolder(_ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "storage-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    @Test("a mapped file is its bytes")
    func mapping() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/weights"
            let content = Data((0..<10_007).map { UInt8(truncatingIfNeeded: $0 * 31 + $0 >> 8) })
            try content.write(to: URL(fileURLWithPath: path))
            let storage = try Storage(mapping: path)
            #expect(storage.byteCount == content.count)
            #expect(Data(bytes: storage.base, count: storage.byteCount) == content)
            // A file that is replaced by another one stays what it was for those who mapped it.
            try FileManager.default.removeItem(atPath: path)
            #expect(Data(bytes: storage.base, count: storage.byteCount) == content)
        }
    }

    @Test("a missing file is refused by its name")
    func missing() throws {
        try withTemporaryFolder { folder in
            let found = try failure(mapping: folder + "/none")
            #expect(found.exitCode == .missingInput)
            #expect(found.place == folder + "/none")
            #expect(found.reason.contains("No such file"))
        }
    }

    @Test("an empty file is refused as damaged")
    func empty() throws {
        try withTemporaryFolder { folder in
            try Data().write(to: URL(fileURLWithPath: folder + "/empty"))
            let found = try failure(mapping: folder + "/empty")
            #expect(found.exitCode == .damagedData)
            #expect(found.place == folder + "/empty")
            #expect(found.reason.contains("empty"))
        }
    }

    @Test("a folder is refused")
    func folder() throws {
        try withTemporaryFolder { folder in
            let found = try failure(mapping: folder)
            #expect(found.exitCode == .damagedData)
            #expect(found.reason.contains("regular file"))
        }
    }

    @Test("memory that the system refuses ends the process as the program wants it, with the bytes that were asked for")
    func refused() async {
        await #expect(processExitsWith: .exitCode(75)) {
            // More than any processor can address.
            let count = 1 << 50
            Storage.whenRefused = { byteCount in exit(byteCount == 4 << 50 ? 75 : 1) }
            _ = Storage(floatCount: count)
        }
    }

    @Test("new memory is zeroed, aligned to pages, and may be empty", arguments: [0, 1, 1023, 300_000])
    func allocation(floatCount: Int) {
        let storage = Storage(floatCount: floatCount)
        #expect(storage.byteCount == 4 * floatCount)
        #expect(Int(bitPattern: storage.base) % 4096 == 0)
        let bytes = UnsafeRawBufferPointer(start: storage.base, count: storage.byteCount)
        let isZero = bytes.allSatisfy { $0 == 0 }
        #expect(isZero)
    }
}
