import Foundation
import Hashing
import Settings

/// Identifies the tokens of a tokenizer: if two tokenizers have the same identity, the same id is the same token.
///
/// The identity is a SHA-256 over every token, including added tokens, by ascending id: the id, the number of the token's bytes
/// (both as 32 bits, lowest byte first), and the bytes that the token decodes to. So it does not depend on the file's
/// formatting, on merges, on normalisation, or on which tokens are special.
public struct TokenizerIdentity: Equatable, Sendable {
    /// 64 lower-case hexadecimal digits.
    public let digits: String

    /// Nil for a text other than 64 lower-case hexadecimal digits.
    public init?(digits: String) {
        guard digits.wholeMatch(of: /[0-9a-f]{64}/) != nil else { return nil }
        self.digits = digits
    }

    /// The identity of `tokenizer.json` in a Hugging Face folder; nil without the file or for an unsupported tokenizer.
    ///
    /// - Throws: `Failure` for a file that is damaged or can't be read.
    public init?(folder: String) throws(Failure) {
        guard case .success(let identity) = try TokenizerIdentity.read(folder: folder) else { return nil }
        self = identity
    }

    /// The identity of `tokenizer.json` in a Hugging Face folder. The result is a failure if there is no such file, or if the
    /// tokenizer is not supported.
    ///
    /// - Throws: `Failure` for a file that is damaged or can't be read.
    public static func read(folder: String) throws(Failure) -> Result<TokenizerIdentity, Failure> {
        let path = folder + "/tokenizer.json"
        guard FileManager.default.fileExists(atPath: path) else {
            return .failure(.missing(path, "is not there", remedy: "Copy it from where the model was published."))
        }
        do throws(Failure) {
            return .success(try Tokenizer(folder: folder).identity)
        } catch {
            guard error.exitCode == .configuration else { throw error }
            return .failure(error)
        }
    }

    init(_ vocabulary: Vocabulary) {
        var message: [UInt8] = []
        func append(_ number: Int) {
            withUnsafeBytes(of: UInt32(number).littleEndian) { message.append(contentsOf: $0) }
        }
        for id in 0..<Int32(vocabulary.size) {
            guard let token = vocabulary.bytes(of: id) else { continue }
            append(Int(id))
            append(token.count)
            message.append(contentsOf: token)
        }
        digits = SHA256.digits(of: message)
    }

    /// The first 12 digits, for people to read.
    public var short: String { String(digits.prefix(12)) }
}

extension Tokenizer {
    /// Computed at each call: a few milliseconds for 50,000 tokens.
    public var identity: TokenizerIdentity { TokenizerIdentity(vocabulary) }
}
