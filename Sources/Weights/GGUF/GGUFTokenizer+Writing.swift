import Foundation
import JSON

extension GGUFTokenizer {
    /// The tokenizer's files in a Hugging Face folder, by name.
    var files: [String: Data] {
        var files = [
            "tokenizer.json": tokenizerJSON.file,
            "tokenizer_config.json": tokenizerConfiguration.file,
            "generation_config.json": object(identifiers).file,
        ]
        // Without a line break at the end: it would become part of every conversation.
        if let chatTemplate { files["chat_template.jinja"] = Data(chatTemplate.utf8) }
        return files
    }

    /// The special token ids for `config.json` and `generation_config.json`.
    var identifiers: [(String, JSONValue)] {
        var ends = end.map { [$0] } ?? []
        for identifier in furtherEnds where !ends.contains(identifier) { ends.append(identifier) }
        let endValue: JSONValue? = ends.count > 1 ? .array(ends.map(JSONValue.integer)) : ends.first.map(JSONValue.integer)
        return [
            ("bos_token_id", beginning.map(JSONValue.integer)), ("eos_token_id", endValue),
            ("pad_token_id", padding.map(JSONValue.integer)),
        ].compactMap { name, value in value.map { (name, $0) } }
    }

    private var tokenizerConfiguration: JSONValue {
        func token(_ identifier: Int?) -> JSONValue? { identifier.map { .text(tokens[$0]) } }
        let members: [(String, JSONValue?)] = [
            ("bos_token", token(beginning)),
            ("chat_template", chatTemplate.map { .text($0) }),
            ("clean_up_tokenization_spaces", .bool(false)),
            ("eos_token", token(end)),
            ("model_max_length", .integer(maximumLength)),
            ("pad_token", token(padding)),
            ("tokenizer_class", .string("PreTrainedTokenizerFast")),
            ("unk_token", token(unknown)),
        ]
        return object(members.compactMap { name, value in value.map { (name, $0) } })
    }

    private var tokenizerJSON: JSONValue {
        object([
            ("version", .string("1.0")),
            ("truncation", .null),
            ("padding", .null),
            ("added_tokens", .array(addedTokens)),
            ("normalizer", style == .qwen2 ? object([("type", .string("NFC"))]) : .null),
            ("pre_tokenizer", preTokenizer),
            ("post_processor", postProcessor),
            ("decoder", byteLevel(addPrefixSpace: true, trimOffsets: true, usePattern: true)),
            ("model", model),
        ])
    }

    /// A GGUF file does not say whether a token includes the spaces around it (`lstrip`, `rstrip`). In the known models it does
    /// not.
    private var addedTokens: [JSONValue] {
        tokens.indices.filter { kinds[$0].isAdded }.map { identifier in
            object([
                ("id", .integer(identifier)),
                ("content", .text(tokens[identifier])),
                ("single_word", .bool(false)),
                ("lstrip", .bool(false)),
                ("rstrip", .bool(false)),
                ("normalized", .bool(false)),
                ("special", .bool(kinds[identifier] != .userDefined)),
            ])
        }
    }

    /// All used tokens, with the added ones: so the ids of added tokens don't depend on the reader.
    private var model: JSONValue {
        let vocabulary = tokens.indices.filter { kinds[$0] != .unused }.map { (tokens[$0], JSONValue.integer($0)) }
        return object([
            ("type", .string("BPE")),
            ("dropout", .null),
            ("unk_token", .null),
            ("continuing_subword_prefix", .null),
            ("end_of_word_suffix", .null),
            ("fuse_unk", .bool(false)),
            ("byte_fallback", .bool(false)),
            // No sequence of merges gives some words of Llama 3's vocabulary.
            ("ignore_merges", .bool(style == .llama3)),
            ("vocab", object(vocabulary)),
            ("merges", .array(merges.map { .array([.text($0.left), .text($0.right)]) })),
        ])
    }

    private var preTokenizer: JSONValue {
        switch style {
        case .gpt2: byteLevel(addPrefixSpace: false, trimOffsets: true, usePattern: true)
        case .smolLM:
            sequence(
                "pretokenizers",
                [
                    object([("type", .string("Digits")), ("individual_digits", .bool(true))]),
                    byteLevel(addPrefixSpace: false, trimOffsets: true, usePattern: true),
                ])
        case .qwen2: split(digits: "\\p{N}")
        case .llama3: split(digits: "\\p{N}{1,3}")
        }
    }

    /// Splits text like the models of OpenAI's cl100k family: contractions, words, digits, other characters, white space.
    private func split(digits: String) -> JSONValue {
        let pattern = [
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)", "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+", digits,
            " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*", "\\s*[\\r\\n]+", "\\s+(?!\\S)", "\\s+",
        ].joined(separator: "|")
        return sequence(
            "pretokenizers",
            [
                object([
                    ("type", .string("Split")), ("pattern", object([("Regex", .text(pattern))])),
                    ("behavior", .string("Isolated")), ("invert", .bool(false)),
                ]),
                byteLevel(addPrefixSpace: false, trimOffsets: style == .llama3, usePattern: false),
            ])
    }

    /// Adds the beginning and end tokens to every text, if the tokenizer has them.
    private var postProcessor: JSONValue {
        let offsets = byteLevel(addPrefixSpace: true, trimOffsets: false, usePattern: true)
        guard addsBeginning || addsEnd else { return offsets }
        let before = addsBeginning ? beginning : nil
        let after = addsEnd ? end : nil
        func piece(_ kind: String, _ name: String, segment: Int) -> JSONValue {
            object([(kind, object([("id", .text(name)), ("type_id", .integer(segment))]))])
        }
        func text(_ name: String, segment: Int) -> [JSONValue] {
            [
                before.map { piece("SpecialToken", tokens[$0], segment: segment) },
                piece("Sequence", name, segment: segment),
                after.map { piece("SpecialToken", tokens[$0], segment: segment) },
            ].compactMap { $0 }
        }
        let used = Set([before, after].compactMap { $0 }).sorted()
        let special = used.map { identifier in
            let name = tokens[identifier]
            return (
                name,
                object([
                    ("id", .text(name)), ("ids", .array([.integer(identifier)])), ("tokens", .array([.text(name)])),
                ])
            )
        }
        let template = object([
            ("type", .string("TemplateProcessing")),
            ("single", .array(text("A", segment: 0))),
            ("pair", .array(text("A", segment: 0) + text("B", segment: 1))),
            ("special_tokens", object(special)),
        ])
        return sequence("processors", [offsets, template])
    }

    private func sequence(_ name: String, _ parts: [JSONValue]) -> JSONValue {
        object([("type", .string("Sequence")), (name, .array(parts))])
    }

    private func byteLevel(addPrefixSpace: Bool, trimOffsets: Bool, usePattern: Bool) -> JSONValue {
        object([
            ("type", .string("ByteLevel")), ("add_prefix_space", .bool(addPrefixSpace)),
            ("trim_offsets", .bool(trimOffsets)), ("use_regex", .bool(usePattern)),
        ])
    }

    private func object(_ members: [(String, JSONValue)]) -> JSONValue {
        .object(members.map { JSONValue.Member(name: JSONString($0), value: $1) })
    }

}
