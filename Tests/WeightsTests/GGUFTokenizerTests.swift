import Foundation
import JSON
import Settings
import TestSupport
import Testing

@testable import Weights

@Suite struct GGUFTokenizerTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The files that a tiny model's tokenizer becomes, with some keys changed.
    private func files(_ family: String = "llama", _ changes: [String: [UInt8]] = [:]) throws -> [String: Data] {
        var builder = tinyGGUF(family)
        for (key, value) in changes { builder.set(key, value) }
        return try GGUFCheckpoint(path: try folder.write("x.gguf", builder.file)).tokenizer.files
    }

    private func json(_ files: [String: Data], _ name: String) throws -> JSONValue {
        try JSONValue(parsing: [UInt8](#require(files[name])))
    }

    @Test("the vocabulary is written with its ids, without what fills it up; merges in their order")
    func model() throws {
        let model = try #require(json(files(), "tokenizer.json")["model"])
        #expect(
            model["vocab"]?.compact
                == #"{"<|end|>":0,"<|start|>":1,"a":2,"b":3,"c":4,"Ġ":5,"ab":6,"Ġab":7,"<tool>":8}"#)
        #expect(model["merges"]?.compact == #"[["a","b"],["Ġ","ab"]]"#)
        #expect(model["ignore_merges"] == .bool(false))
    }

    @Test("control tokens are added as special, user-defined ones as ordinary")
    func addedTokens() throws {
        let added = try #require(json(files(), "tokenizer.json")["added_tokens"]?.elements)
        #expect(added.map { $0["id"]?.wholeNumber } == [0, 1, 8])
        #expect(added.map { $0["content"]?.text } == ["<|end|>", "<|start|>", "<tool>"])
        #expect(added.map { $0["special"] } == [.bool(true), .bool(true), .bool(false)])
    }

    static let pattern = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    @Test(
        "each style cuts texts as its Hugging Face tokenizer does",
        arguments: [("gpt-2", nil), ("smollm", nil), ("qwen2", #"\p{N}"#), ("llama-bpe", #"\p{N}{1,3}"#), ("llama3", #"\p{N}{1,3}"#)])
    func styles(name: String, digits: String?) throws {
        let tokenizer = try json(files("llama", ["tokenizer.ggml.pre": text(name)]), "tokenizer.json")
        let cut = try #require(tokenizer["pre_tokenizer"])
        let parts = cut["pretokenizers"]?.elements ?? [cut]
        #expect(parts.last?["type"]?.text == "ByteLevel")
        #expect(parts.last?["add_prefix_space"] == .bool(false))
        #expect(parts.last?["use_regex"] == .bool(digits == nil))
        if let digits {
            #expect(parts[0]["pattern"]?["Regex"]?.text == Self.pattern.replacing("DIGITS", with: digits))
            #expect(parts[0]["behavior"]?.text == "Isolated")
        } else {
            #expect(parts.dropLast().map(\.compact) == (name == "smollm" ? [#"{"type":"Digits","individual_digits":true}"#] : []))
        }
        #expect(tokenizer["normalizer"]?.compact == (name == "qwen2" ? #"{"type":"NFC"}"# : "null"))
        #expect(tokenizer["model"]?["ignore_merges"] == .bool(name.hasPrefix("llama")))
        // Only Llama 3's texts begin with a token of their own accord.
        #expect(tokenizer["post_processor"]?["type"]?.text == (name.hasPrefix("llama") ? "Sequence" : "ByteLevel"))
    }

    @Test("tokens around every text are those that the file asks for")
    func surroundingTokens() throws {
        let both = ["tokenizer.ggml.add_bos_token": flag(true), "tokenizer.ggml.add_eos_token": flag(true)]
        let template = try #require(json(files("llama", both), "tokenizer.json")["post_processor"]?["processors"]?.elements?.last)
        #expect(
            template["single"]?.compact
                == #"[{"SpecialToken":{"id":"<|start|>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"<|end|>","type_id":0}}]"#
        )
        #expect(
            template["special_tokens"]?["<|start|>"]?.compact == #"{"id":"<|start|>","ids":[1],"tokens":["<|start|>"]}"#)
        let none = try json(
            files("llama", ["tokenizer.ggml.pre": text("llama-bpe"), "tokenizer.ggml.add_bos_token": flag(false)]),
            "tokenizer.json")
        #expect(none["post_processor"]?["type"]?.text == "ByteLevel")
    }

    @Test("the chat template is written character for character, and the special tokens by text and id")
    func configuration() throws {
        let files = try files()
        let template = "{{ 'ä\"\\n' }}\n{{ messages }}  "
        #expect(files["chat_template.jinja"] == Data(template.utf8))
        let configuration = try json(files, "tokenizer_config.json")
        #expect(configuration["chat_template"]?.text == template)
        #expect(configuration["bos_token"]?.text == "<|start|>" && configuration["eos_token"]?.text == "<|end|>")
        #expect(configuration["model_max_length"]?.wholeNumber == 64)
        #expect(try json(files, "generation_config.json").compact == #"{"bos_token_id":1,"eos_token_id":0,"pad_token_id":0}"#)
    }

    @Test("the end of a turn ends generation too, and a file without a template gives none")
    func furtherEnds() throws {
        var builder = tinyGGUF("llama")
        builder.set("tokenizer.ggml.eot_token_id", whole(8))
        builder.set("tokenizer.ggml.padding_token_id", nil)
        builder.set("tokenizer.chat_template", nil)
        builder.set("tokenizer.chat_template.tool_use", text("x"))
        let checkpoint = try GGUFCheckpoint(path: try folder.write("x.gguf", builder.file))
        let files = checkpoint.tokenizer.files
        #expect(try json(files, "generation_config.json").compact == #"{"bos_token_id":1,"eos_token_id":[0,8]}"#)
        #expect(files["chat_template.jinja"] == nil)
        #expect(try json(files, "tokenizer_config.json")["chat_template"] == nil)
        #expect(checkpoint.furtherChatTemplates == ["tool_use"])
    }

    @Test("tokens that Unicode takes for the same are different tokens")
    func canonicalEquivalents() throws {
        // é as one character, and as e with an accent.
        let tokens = ["<|end|>", "<|start|>", "\u{E9}", "e\u{301}", "c", "Ġ", "x", "y", "<tool>", "[PAD9]"]
        let files = try files("llama", ["tokenizer.ggml.tokens": texts(tokens), "tokenizer.ggml.merges": texts([])])
        let written = try #require(files["tokenizer.json"])
        for (token, identifier) in [("\u{E9}", 2), ("e\u{301}", 3)] {
            #expect(written.range(of: Data("\"\(token)\": \(identifier),".utf8)) != nil)
        }
    }
}
