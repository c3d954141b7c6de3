import Foundation

/// The template of SmolLM2, with another default system prompt.
let chatMLTemplate = """
    {% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system
    S<|im_end|>
    ' }}{% endif %}{{'<|im_start|>' + message['role'] + '
    ' + message['content'] + '<|im_end|>' + '
    '}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant
    ' }}{% endif %}
    """

/// A tokenizer whose ids can be told by heart: every byte is its own token, and six more are made of several.
enum ByteTokenizer {
    /// "ab" and two line ends are merged.
    static let ab: Int32 = 256
    static let twoLines: Int32 = 257
    static let end: Int32 = 258
    static let start: Int32 = 259
    static let turnEnd: Int32 = 260
    static let beginning: Int32 = 261

    /// The ids of a text without "ab", two line ends and special tokens.
    static func ids(_ text: String) -> [Int32] { text.utf8.map(Int32.init) }

    /// Writes a Hugging Face folder.
    ///
    /// - Parameters:
    ///   - template: `chat_template.jinja`; nil writes none.
    ///   - begins: put the beginning of sequence before every text, as Llama's tokenizers do.
    ///   - endToken: `eos_token`.
    static func write(
        to folder: TemporaryFolder, name: String = "tokenizer", template: String? = nil, begins: Bool = false,
        endToken: String = "<|end|>"
    ) throws -> String {
        let path = folder.file(name)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        var vocabulary: [String: Int] = ["ab": Int(ab), "\(alphabet[10])\(alphabet[10])": Int(twoLines)]
        for byte in 0..<256 { vocabulary[String(alphabet[byte])] = byte }
        let special = ["<|end|>", "<|im_start|>", "<|im_end|>", "<|begin|>"]
        var tokenizer: [String: Any] = [
            "version": "1.0",
            "added_tokens": special.enumerated().map { index, token in
                [
                    "id": Int(end) + index, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
                    "normalized": false, "special": true,
                ] as [String: Any]
            },
            "normalizer": NSNull(),
            "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false]
                as [String: Any],
            "post_processor": NSNull(),
            "decoder": ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true]
                as [String: Any],
            "model": [
                "type": "BPE", "dropout": NSNull(), "unk_token": NSNull(), "continuing_subword_prefix": NSNull(),
                "end_of_word_suffix": NSNull(), "fuse_unk": false, "byte_fallback": false, "vocab": vocabulary,
                "merges": [["a", "b"], [String(alphabet[10]), String(alphabet[10])]],
            ] as [String: Any],
        ]
        if begins {
            let token = ["id": "<|begin|>", "type_id": 0] as [String: Any]
            tokenizer["post_processor"] =
                [
                    "type": "TemplateProcessing",
                    "single": [["SpecialToken": token], ["Sequence": ["id": "A", "type_id": 0] as [String: Any]]],
                    "pair": [
                        ["SpecialToken": token], ["Sequence": ["id": "A", "type_id": 0] as [String: Any]],
                        ["Sequence": ["id": "B", "type_id": 1] as [String: Any]],
                    ],
                    "special_tokens": [
                        "<|begin|>": ["id": "<|begin|>", "ids": [Int(beginning)], "tokens": ["<|begin|>"]]
                            as [String: Any]
                    ],
                ] as [String: Any]
        }
        try JSONSerialization.data(withJSONObject: tokenizer)
            .write(to: URL(fileURLWithPath: "\(path)/tokenizer.json"))
        try folder.write(#"{"eos_token": "\#(endToken)"}"#, to: "\(name)/tokenizer_config.json")
        if let template { try folder.write(template, to: "\(name)/chat_template.jinja") }
        return path
    }

    /// GPT-2's letters for the bytes: printable ones stand for themselves, the others for U+0100 and on.
    private static let alphabet: [Unicode.Scalar] = {
        var next: UInt32 = 256
        return (0..<256).map { (byte: UInt32) in
            if (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174 { return Unicode.Scalar(byte)! }
            defer { next += 1 }
            return Unicode.Scalar(next)!
        }
    }()
}
