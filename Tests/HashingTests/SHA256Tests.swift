import Foundation
import Hashing
import Settings
import Testing

@Suite("SHA-256")
struct SHA256Tests {
    private let page: [UInt8] = (0..<1000).map { UInt8($0 % 251) }
    /// hashlib's.
    private let pageDigits = "4e4c294b331f7a2099a379bec34b9f9fc03dc46ab465d998f4d683da53487e6d"

    @Test("digests are the standard's")
    func standard() {
        #expect(SHA256.digits(of: []) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            SHA256.digits(of: Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(SHA256.digits(of: page) == pageDigits)
    }

    @Test("pieces give the digest of the whole", arguments: [1, 63, 64, 65, 999])
    func pieces(length: Int) {
        var hash = SHA256()
        for start in stride(from: 0, to: page.count, by: length) { hash.update(Array(page[start..<min(start + length, page.count)])) }
        #expect(hash.digits() == pageDigits)
    }

    @Test("words are hashed as little-endian bytes")
    func words() {
        var hash = SHA256()
        hash.update(0x0706_0504_0302_0100)
        #expect(hash.digits() == SHA256.digits(of: [0, 1, 2, 3, 4, 5, 6, 7]))
    }

    @Test("a file is its size and its bytes' digest; a folder and a missing file are refused")
    func files() throws {
        let path = NSTemporaryDirectory() + "file-digest-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(page).write(to: URL(fileURLWithPath: path))
        #expect(try FileDigest(of: path) == FileDigest(bytes: 1000, sha256: pageDigits))
        func code(_ path: String) -> ExitCode? {
            do throws(Failure) { _ = try FileDigest(of: path) } catch { return error.exitCode }
            return nil
        }
        #expect(code(NSTemporaryDirectory()) == .damagedData)
        #expect(code(path + "-missing") == .missingInput)
    }
}
