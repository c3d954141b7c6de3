import Foundation
import Settings
import Testing

@testable import Tokenization

/// Tokenizers and texts that would take a careless reader hours, or more memory than there is.
@Suite("Tokenizers that are made to last") struct PatienceTests {
    @Test("an expression that tries every way to cut a text is given up with a failure", .timeLimit(.minutes(1)))
    func catastrophicExpression() throws {
        var edited = try EditedTokenizer()
        edited.root["pre_tokenizer"] = [
            "type": "Sequence",
            "pretokenizers": [
                ["type": "Split", "pattern": ["Regex": "(?:a|a|aa)+[bc]"], "behavior": "Isolated", "invert": false] as [String: Any],
                ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false] as [String: Any],
            ],
        ]
        let tokenizer = try edited.tokenizer()
        #expect(try tokenizer.encode("aab aab", addSpecialTokens: false).isEmpty == false)
        let failure = #expect(throws: Failure.self) {
            try tokenizer.encode(String(repeating: "a", count: 4_000), addSpecialTokens: false)
        }
        #expect(failure?.exitCode == .damagedData && failure?.reason.contains("too many steps") == true)
        // The next text is as good as any.
        #expect(try tokenizer.encode("aab", addSpecialTokens: false).isEmpty == false)
    }

    @Test("a million marks in the wrong order are brought into it", .timeLimit(.minutes(1)))
    func marks() throws {
        // Above (230) and below (220), in turns.
        let text = "a" + String(repeating: "\u{301}\u{323}", count: 500_000)
        let form = UnicodeForm.decomposed(text, isCompatible: false).unicodeScalars.map(\.value)
        #expect(form == [0x61] + Array(repeating: 0x323, count: 500_000) + Array(repeating: 0x301, count: 500_000))
    }

    @Test("added tokens of white space that take the white space around them look at a text once", .timeLimit(.minutes(1)))
    func strippedSpace() throws {
        let count = 300_000
        let blank = AddedToken(
            content: [0x20], id: 1, isSingleWord: false, stripsLeft: true, stripsRight: true, isNormalized: false, isSpecial: false)
        let matcher = AddedTokenMatcher([([0x20], blank)])
        let parts = matcher.parts(of: [UInt8](repeating: 0x20, count: count).span)
        #expect(parts.count == count && parts.first?.range == 0..<count)
    }

    @Test("an added token longer than any real one is refused")
    func longAddedToken() throws {
        var edited = try EditedTokenizer()
        var added = try #require(edited.root["added_tokens"] as? [[String: Any]])
        added[0]["content"] = String(repeating: "x", count: 2_000)
        edited.root["added_tokens"] = added
        #expect(try edited.failure()?.reason.contains("2000 bytes") == true)
    }

    @Test("a file that is a pipe, or larger than any tokenizer, is refused unread", .timeLimit(.minutes(1)))
    func oddFiles() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/tokenizer.json"
        try #require(mkfifo(path, 0o600) == 0)
        let pipe = #expect(throws: Failure.self) { try Tokenizer(folder: folder.path) }
        #expect(pipe?.exitCode == .damagedData && pipe?.reason.contains("regular file") == true)
        unlink(path)
        try #require(FileManager.default.createFile(atPath: path, contents: nil))
        try #require(truncate(path, 1 << 40) == 0)
        let huge = #expect(throws: Failure.self) { try Tokenizer(folder: folder.path) }
        #expect(huge?.exitCode == .damagedData && huge?.reason.contains("plausible") == true)
    }
}
