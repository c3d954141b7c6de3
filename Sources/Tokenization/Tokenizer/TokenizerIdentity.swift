import Foundation
import Hashing
import Settings

/// Which tokens a tokenizer's ids stand for: ids of two tokenizers of one identity mean the same.
///
/// It is the SHA-256 of every token, added ones included, by ascending id: the id, the number of the token's bytes (both
/// as 32 bits, the lowest byte first), and the bytes that it decodes to. So it does not depend on how a file is written,
/// nor on merges, normalisation or which tokens are special.
public struct TokenizerIdentity: Equatable, Sendable {
    /// 64 lower-case hexadecimal digits.
    public let digits: String

    /// Nil for a text that is none.
    public init?(digits: String) {
        guard digits.wholeMatch(of: /[0-9a-f]{64}/) != nil else { return nil }
        self.digits = digits
    }

    /// Of `tokenizer.json` in a Hugging Face folder; nil where there is none, or one that Tandem does not compute.
    ///
    /// - Throws: `Failure` for a file that is damaged or can't be read.
    public init?(folder: String) throws(Failure) {
        guard case .success(let identity) = try TokenizerIdentity.read(folder: folder) else { return nil }
        self = identity
    }

    /// Of `tokenizer.json` in a Hugging Face folder, or why there is none to compare with: no such file, or one that Tandem
    /// does not compute.
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

    /// The first digits, for people.
    public var short: String { String(digits.prefix(12)) }
}

extension Tokenizer {
    /// Computed at each call: a few milliseconds for 50,000 tokens.
    public var identity: TokenizerIdentity { TokenizerIdentity(vocabulary) }
}
