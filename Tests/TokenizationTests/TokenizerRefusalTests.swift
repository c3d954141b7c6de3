import Foundation
import Settings
import Testing

@testable import Tokenization

@Suite("Refused tokenizers")
struct TokenizerRefusalTests {
    private func failure(_ json: String) -> Failure? {
        #expect(throws: Failure.self) { try Tokenizer(tokenizerJSON: Data(json.utf8), origin: "t.json") }
    }

    @Test("a missing file is missing input")
    func missing() {
        let failure = #expect(throws: Failure.self) { try Tokenizer(folder: "/no/such/folder") }
        #expect(failure?.exitCode == .missingInput)
        #expect(failure?.place == "/no/such/folder/tokenizer.json")
    }

    @Test("a file cut at any place is damaged")
    func truncated() throws {
        let bytes = [UInt8](try fixture("llama3.json"))
        for length in stride(from: 0, to: bytes.count - 2, by: 97) {
            let failure = #expect(throws: Failure.self) {
                try Tokenizer(tokenizerJSON: Data(bytes.prefix(length)), origin: "t.json")
            }
            #expect(failure?.exitCode == .damagedData)
            #expect(failure?.description.contains("t.json") == true)
        }
    }

    @Test(
        "malformed JSON is damaged, with its place",
        arguments: [
            "[1,]", "{\"a\":1,\"a\":2}", "\"\\ud800\"", "\"\\x\"", "nul", "1 2", "01", "-", "{\"a\" 1}", "{a:1}",
            "\"\n\"", "1.e",
            String(repeating: "[", count: 5_000), "\"\\u12", "",
        ])
    func malformed(_ json: String) {
        let failure = failure(json)
        #expect(failure?.exitCode == .damagedData)
        #expect(failure?.description.contains("at byte") == true)
    }

    @Test("bytes that are not UTF-8 are damaged")
    func encoding() {
        let failure = #expect(throws: Failure.self) {
            try Tokenizer(tokenizerJSON: Data([0x7b, 0x22, 0xff, 0x22, 0x7d]), origin: "t.json")
        }
        #expect(failure?.exitCode == .damagedData)
    }

    @Test("a missing model, vocabulary or list of merges is damaged")
    func missingParts() throws {
        var edited = try EditedTokenizer()
        edited.root["model"] = nil
        #expect(try edited.failure()?.exitCode == .damagedData)
        for part in ["vocab", "merges"] {
            var edited = try EditedTokenizer()
            edited.model[part] = nil
            let failure = try edited.failure()
            #expect(failure?.exitCode == .damagedData)
            #expect(failure?.place.contains("model.\(part)") == true)
        }
    }

    @Test("merges of unknown tokens, and merges that are not two tokens, are damaged")
    func merges() throws {
        for merge in ["qq zz", "a", "a b c", "", ["a"], ["a", "b", "c"], 7, ["a", 1], "a qq", "Ġ qq"] as [Any] {
            var edited = try EditedTokenizer()
            edited.model["merges"] = (edited.model["merges"] as! [Any]) + [merge]
            let failure = try edited.failure()
            #expect(failure?.exitCode == .damagedData, "\(merge)")
            #expect(failure?.place.contains("model.merges[") == true)
        }
    }

    @Test("ids that are taken twice, negative, huge or no numbers are damaged")
    func ids() throws {
        for id in [0, -1, 5_000_000_000, 1.5, "1", true] as [Any] {
            var edited = try EditedTokenizer()
            var vocabulary = edited.model["vocab"] as! [String: Any]
            vocabulary["new"] = id
            edited.model["vocab"] = vocabulary
            #expect(try edited.failure()?.exitCode == .damagedData, "\(id)")
        }
    }

    @Test("added tokens whose ids contradict the vocabulary are damaged")
    func addedTokens() throws {
        for (key, value) in [("id", 3), ("id", 100_000), ("content", ""), ("content", "<|endoftext|>"), ("lstrip", 1)]
            as [(String, Any)]
        {
            var edited = try EditedTokenizer()
            var tokens = edited.root["added_tokens"] as! [[String: Any]]
            tokens[tokens.count - 1][key] = value
            edited.root["added_tokens"] = tokens
            #expect(try edited.failure()?.exitCode == .damagedData, "\(key) \(value)")
        }
    }

    @Test("components that are not supported are refused by name")
    func components() throws {
        let cases: [(part: String, value: Any, name: String)] = [
            ("normalizer", ["type": "BertNormalizer"], "BertNormalizer"),
            (
                "normalizer", ["type": "Sequence", "normalizers": [["type": "NFC"], ["type": "StripAccents"]]],
                "StripAccents"
            ),
            ("pre_tokenizer", ["type": "Metaspace"], "Metaspace"),
            ("pre_tokenizer", ["type": "Sequence", "pretokenizers": [["type": "Punctuation"]]], "Punctuation"),
            ("pre_tokenizer", ["type": "WhitespaceSplit"], "ByteLevel"),
            ("pre_tokenizer", NSNull(), "pre_tokenizer"),
            ("post_processor", ["type": "RobertaProcessing"], "RobertaProcessing"),
            ("decoder", ["type": "WordPiece"], "WordPiece"),
            ("decoder", NSNull(), "decoder"),
            ("extra", 1, "extra"),
        ]
        for (part, value, name) in cases {
            var edited = try EditedTokenizer()
            edited.root[part] = value
            let failure = try edited.failure()
            #expect(failure?.exitCode == .configuration, "\(name)")
            #expect(failure?.description.contains(name) == true)
            #expect(failure?.place.hasPrefix("edited.json") == true)
        }
    }

    @Test("a saved truncation or padding is passed over, as Transformers does: the same ids and the same identity")
    func savedBatch() throws {
        let text = "The saved cut of a text is another program's business."
        let whole = try EditedTokenizer().tokenizer()
        for (part, value) in [
            ("truncation", ["direction": "Right", "max_length": 5, "strategy": "LongestFirst", "stride": 0]),
            (
                "padding",
                ["strategy": ["Fixed": 64], "direction": "Left", "pad_to_multiple_of": 8, "pad_id": 0, "pad_type_id": 0, "pad_token": "!"]
            ),
        ] as [(String, [String: Any])] {
            var edited = try EditedTokenizer()
            edited.root[part] = value
            let tokenizer = try edited.tokenizer()
            for special in [false, true] {
                #expect(try tokenizer.encode(text, addSpecialTokens: special) == whole.encode(text, addSpecialTokens: special))
            }
            #expect(try tokenizer.encode(text, addSpecialTokens: true).count > 5 && tokenizer.identity == whole.identity)
            edited.root[part] = 5
            #expect(try edited.failure()?.exitCode == .damagedData)
        }
    }

    @Test("options of the model that are not supported are refused by name")
    func options() throws {
        let cases: [(String, Any)] = [
            ("type", "Unigram"), ("dropout", 0.1), ("continuing_subword_prefix", "##"), ("end_of_word_suffix", "</w>"),
            ("byte_fallback", true), ("new_option", false),
        ]
        for (option, value) in cases {
            var edited = try EditedTokenizer()
            edited.model[option] = value
            let failure = try edited.failure()
            #expect(failure?.exitCode == .configuration, "\(option)")
            #expect(failure?.place.contains(option) == true)
        }
    }

    @Test("an unknown token that is no token is damaged")
    func unknownToken() throws {
        var edited = try EditedTokenizer()
        edited.model["unk_token"] = "<nowhere>"
        #expect(try edited.failure()?.exitCode == .damagedData)
    }

    @Test(
        "expressions that PCRE2 would match differently are refused",
        arguments: [
            #"\w+"#, #"\bx"#, #"[a-z&&[^b]]"#, #"[[:alpha:]]"#, #"\p{Han}"#, #"\P{M"#, #"[\P{L}]"#, #"(?i:ss)"#,
            #"(?i:ß)"#, #"(?i:[a-z])"#,
            #"(?<name>x)"#, #"(?x)a b"#, #"(x)\1"#, #"x{2}?"#, #"(x"#, "x)", "[x", #"\p{Mn}"#, #"\h"#, #"\xe9"#, "*x",
            "x**", #"\Qx\E"#, "x\\",
        ])
    func expressions(_ pattern: String) throws {
        var edited = try EditedTokenizer()
        edited.root["pre_tokenizer"] = [
            "type": "Sequence",
            "pretokenizers": [
                ["type": "Split", "pattern": ["Regex": pattern], "behavior": "Isolated", "invert": false],
                ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false],
            ],
        ]
        let failure = try edited.failure()
        #expect(failure?.exitCode == .configuration)
        #expect(failure?.place.contains("pattern") == true)
    }

    @Test("failures are one line")
    func oneLine() throws {
        var edited = try EditedTokenizer()
        edited.root["normalizer"] = ["type": "a\nb\u{202e}c"]
        let line = try #require(try edited.failure()).description
        #expect(!line.contains("\n"))
        #expect(!line.unicodeScalars.contains("\u{202e}"))
    }
}
