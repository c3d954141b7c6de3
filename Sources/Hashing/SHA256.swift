import CCrypto
import Settings

/// SHA-256 (FIPS 180-4) of bytes that come piece by piece. OpenSSL computes it with the processor's SHA instructions.
///
/// Tandem identifies contents by it: files of a checkpoint, datasets, templates, vocabularies.
public struct SHA256: ~Copyable {
    private let context: OpaquePointer

    public init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            brokenInvariant("OpenSSL has no SHA-256")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        invariant(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1, "OpenSSL refused to hash")
    }

    public mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// Hashes the eight bytes of `word`, lowest byte first.
    public mutating func update(_ word: UInt64) { withUnsafeBytes(of: word.littleEndian) { update($0) } }

    /// The digest of all bytes so far: 64 lower-case hexadecimal digits.
    public consuming func digits() -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        invariant(EVP_DigestFinal_ex(context, &digest, nil) == 1, "OpenSSL refused to hash")
        return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// The digest of `bytes`: 64 lower-case hexadecimal digits.
    public static func digits(of bytes: [UInt8]) -> String {
        var hash = SHA256()
        hash.update(bytes)
        return hash.digits()
    }
}
