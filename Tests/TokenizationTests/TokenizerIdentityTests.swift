import Foundation
import Hashing
import Settings
import Testing

@testable import Tokenization

@Suite("The identity of a tokenizer")
struct TokenizerIdentityTests {
    private static let styles = ["gpt2", "smollm2", "qwen2", "llama3"]

    /// By the definition, from the file's own tree.
    private func expected(_ edited: EditedTokenizer) -> String {
        var tokens: [Int: [UInt8]] = [:]
        for (name, id) in edited.model["vocab"] as! [String: Int] {
            tokens[id] = ByteAlphabet.bytes(of: Array(name.utf8)[...]) ?? Array(name.utf8)
        }
        for token in edited.root["added_tokens"] as! [[String: Any]] {
            tokens[token["id"] as! Int] = Array((token["content"] as! String).utf8)
        }
        func bytes(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
        return SHA256.digits(
            of: tokens.sorted { $0.key < $1.key }.flatMap { bytes($0.key) + bytes($0.value.count) + $0.value })
    }

    @Test("it is the digest of ids, lengths and bytes of all tokens, added ones included", arguments: styles)
    func definition(_ style: String) throws {
        let identity = try smallTokenizer(style).identity
        #expect(try identity.digits == expected(EditedTokenizer(style)))
        #expect(TokenizerIdentity(digits: identity.digits) == identity)
        #expect(identity.short == identity.digits.prefix(12))
    }

    @Test("the same tokens in a file of other formatting, merges and normalisation have the same one", arguments: styles)
    func otherFiles(_ style: String) throws {
        let identity = try smallTokenizer(style).identity
        var edited = try EditedTokenizer(style)
        // Keys in another order, without white space.
        #expect(try edited.tokenizer().identity == identity)
        edited.model["merges"] = [Any]()
        edited.root["normalizer"] = ["type": "NFC"]
        #expect(try edited.tokenizer().identity == identity)
    }

    @Test("another token, another id of a token and another added token each give another one")
    func otherTokens() throws {
        let original = try EditedTokenizer()
        func identity(_ edit: (inout [String: Int]) -> Void) throws -> TokenizerIdentity {
            var edited = original
            var vocabulary = edited.model["vocab"] as! [String: Int]
            edit(&vocabulary)
            edited.model["vocab"] = vocabulary
            return try edited.tokenizer().identity
        }
        func added(_ content: String) throws -> TokenizerIdentity {
            var edited = original
            var tokens = edited.root["added_tokens"] as! [[String: Any]]
            tokens.append([
                "id": try original.tokenizer().vocabularySize, "content": content, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true,
            ])
            edited.root["added_tokens"] = tokens
            return try edited.tokenizer().identity
        }
        let identities = [
            try identity { _ in },
            try identity { vocabulary in
                let (first, second) = (vocabulary["A"], vocabulary["B"])
                (vocabulary["A"], vocabulary["B"]) = (second, first)
            },
            try added("<|one|>"), try added("<|two|>"),
        ]
        #expect(Set(identities.map(\.digits)).count == identities.count)
    }

    @Test("a folder without a tokenizer, or with one of another kind, has none; a damaged one is told")
    func folders() throws {
        let folder = try TemporaryFolder()
        #expect(try TokenizerIdentity(folder: folder.path) == nil)
        #expect(try TokenizerIdentity(folder: folder.path + "/absent") == nil)
        try folder.write("tokenizer.json", #"{"model": {"type": "Unigram", "vocab": [["a", -1.5]]}}"#)
        #expect(try TokenizerIdentity(folder: folder.path) == nil)
        try folder.write("tokenizer.json", "{")
        let failure = #expect(throws: Failure.self) { try TokenizerIdentity(folder: folder.path) }
        #expect(failure?.exitCode == .damagedData)
        try folder.write("tokenizer.json", String(decoding: fixture("qwen2.json"), as: UTF8.self))
        #expect(try TokenizerIdentity(folder: folder.path) == smallTokenizer("qwen2").identity)
    }

    @Test("why there is no identity is told: no file, or the part that is not supported")
    func reasons() throws {
        let folder = try TemporaryFolder()
        func reason() throws -> Failure? {
            guard case .failure(let failure) = try TokenizerIdentity.read(folder: folder.path) else { return nil }
            return failure
        }
        let absent = try #require(try reason())
        #expect(absent.exitCode == .missingInput && absent.place.hasSuffix("/tokenizer.json"))
        try folder.write("tokenizer.json", #"{"model": {"type": "Unigram", "vocab": [["a", -1.5]]}}"#)
        let unsupported = try #require(try reason())
        #expect(unsupported.exitCode == .configuration && unsupported.place.hasSuffix("tokenizer.json: model.type"))
        try folder.write("tokenizer.json", String(decoding: fixture("qwen2.json"), as: UTF8.self))
        #expect(try reason() == nil)
    }
}
