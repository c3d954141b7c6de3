import JSON
import Settings

/// The byte-pair tokenizer of a GGUF file.
struct GGUFTokenizer: Sendable {
    /// The kind of a token, with llama.cpp's numbers.
    enum TokenKind: Int, Sendable {
        case normal = 1
        case unknown = 2
        case control = 3
        case userDefined = 4
        /// Fills the vocabulary up to the number of embedding rows. No text gives this token.
        case unused = 5
        case byte = 6

        /// Whether the token is found in a text before all others and never split into smaller tokens.
        var isAdded: Bool { self == .unknown || self == .control || self == .userDefined }
    }

    /// How a text is split before byte pairs are merged, by llama.cpp's names.
    enum Style: String, Sendable, CaseIterable {
        case gpt2 = "gpt-2"
        case smolLM = "smollm"
        case qwen2 = "qwen2"
        case llama3 = "llama-bpe"

        init?(name: String) {
            // Older converters use other names for the same style.
            self.init(rawValue: ["llama3", "llama-v3"].contains(name) ? "llama-bpe" : name)
        }
    }

    /// The tokens in the order of their ids. `kinds` has the same order.
    let tokens: [String]
    let kinds: [TokenKind]
    /// The merges in the order of their rank.
    let merges: [(left: String, right: String)]
    let style: Style
    let beginning: Int?
    let end: Int?
    let padding: Int?
    let unknown: Int?
    /// Further ids that end a generation: the end of a turn or of a message.
    let furtherEnds: [Int]
    let addsBeginning: Bool
    let addsEnd: Bool
    /// The chat template, unchanged.
    let chatTemplate: String?
    /// Names of templates for other purposes. They are not written.
    let otherTemplates: [String]
    /// The number of positions of the model.
    let maximumLength: Int

    /// - Throws: `Failure`: damaged data, or configuration (a kind of vocabulary that is not implemented), naming the key.
    init(_ metadata: GGUFMetadata, _ configuration: ModelConfiguration) throws(Failure) {
        style = try GGUFTokenizer.style(metadata)
        for key in ["add_space_prefix", "add_sep_token", "remove_extra_whitespaces"] {
            guard try metadata.flag("tokenizer.ggml." + key, default: false) else { continue }
            throw metadata.unsupported("tokenizer.ggml." + key, "is not implemented for byte-level BPE")
        }
        let tokens = try metadata.texts("tokenizer.ggml.tokens")
        guard tokens.count == configuration.vocabularySize else {
            throw metadata.damaged(
                "tokenizer.ggml.tokens",
                "does not match the \(configuration.vocabularySize) rows of tensor \(GGUFTensorTable.embeddingName)")
        }
        let kinds = try GGUFTokenizer.kinds(metadata, count: tokens.count)
        merges = try GGUFTokenizer.merges(metadata, tokens: tokens, kinds: kinds)
        self.tokens = tokens
        self.kinds = kinds
        func identifier(_ name: String) throws(Failure) -> Int? {
            let key = "tokenizer.ggml.\(name)_token_id"
            guard let value = metadata[key] else { return nil }
            guard let identifier = value.integer, tokens.indices.contains(identifier) else {
                throw metadata.damaged(key, "is no token of a vocabulary of \(tokens.count)")
            }
            return identifier
        }
        beginning = try identifier("bos")
        end = try identifier("eos")
        padding = try identifier("padding")
        unknown = try identifier("unknown")
        furtherEnds = [try identifier("eot"), try identifier("eom")].compactMap { $0 }
        // By default llama.cpp adds a beginning token to the texts of Llama 3 only.
        addsBeginning = try metadata.flag("tokenizer.ggml.add_bos_token", default: style == .llama3)
        addsEnd = try metadata.flag("tokenizer.ggml.add_eos_token", default: false)
        guard !addsBeginning || beginning != nil else {
            throw metadata.damaged("tokenizer.ggml.bos_token_id", "is missing, but every text must begin with this token")
        }
        guard !addsEnd || end != nil else {
            throw metadata.damaged("tokenizer.ggml.eos_token_id", "is missing, but every text must end with this token")
        }
        chatTemplate = try metadata.text("tokenizer.chat_template")
        let prefix = "tokenizer.chat_template."
        otherTemplates = metadata.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        maximumLength = configuration.maximumPositions
    }

    private static func style(_ metadata: GGUFMetadata) throws(Failure) -> Style {
        let modelKey = "tokenizer.ggml.model"
        let model = try metadata.requiredText(modelKey)
        guard model == "gpt2" else {
            let hint = model == "llama" ? " (a SentencePiece vocabulary)" : ""
            throw .configuration(
                metadata.path, "\(modelKey) = \(metadata[modelKey]!.excerpt)\(hint) is not implemented, only gpt2 (byte-level BPE)",
                remedy: "Use a model with a byte-level BPE vocabulary.")
        }
        let key = "tokenizer.ggml.pre"
        guard let style = Style(name: try metadata.requiredText(key)) else {
            let known = Style.allCases.map(\.rawValue).joined(separator: ", ")
            throw .configuration(
                metadata.path, "\(key) = \(metadata[key]!.excerpt) is not implemented, only \(known)",
                remedy: "Use a model with one of these tokenizers.")
        }
        return style
    }

    private static func kinds(_ metadata: GGUFMetadata, count: Int) throws(Failure) -> [TokenKind] {
        let key = "tokenizer.ggml.token_type"
        let numbers = try metadata.integers(key)
        guard numbers.count == count else { throw metadata.damaged(key, "does not match the \(count) tokens") }
        var kinds: [TokenKind] = []
        kinds.reserveCapacity(count)
        for number in numbers {
            guard let kind = TokenKind(rawValue: number) else { throw metadata.damaged(key, "holds an unknown type \(number)") }
            guard kind != .byte else {
                throw metadata.unsupported(key, "holds type \(number) (byte), which is not implemented for byte-level BPE")
            }
            kinds.append(kind)
        }
        return kinds
    }

    /// Each merge is two tokens with a space between. A space inside a token is written as another character.
    private static func merges(
        _ metadata: GGUFMetadata, tokens: [String], kinds: [TokenKind]
    ) throws(Failure) -> [(left: String, right: String)] {
        // Compared as bytes, because Swift counts Unicode-equivalent texts as equal.
        var known: Set<[UInt8]> = []
        for (token, kind) in zip(tokens, kinds) where kind != .unused {
            guard known.insert(Array(token.utf8)).inserted else {
                throw metadata.damaged("tokenizer.ggml.tokens", "holds \(JSONValue.text(token).excerpt) twice")
            }
        }
        let key = "tokenizer.ggml.merges"
        var merges: [(left: String, right: String)] = []
        for text in try metadata.texts(key) {
            let bytes = Array(text.utf8)
            guard let space = bytes.dropFirst().firstIndex(of: UInt8(ascii: " ")), space + 1 < bytes.count else {
                throw metadata.damaged(key, "holds \(JSONValue.text(text).excerpt), which is not two tokens")
            }
            let left = Array(bytes[..<space])
            let right = Array(bytes[(space + 1)...])
            guard known.contains(left), known.contains(right), known.contains(left + right) else {
                throw metadata.damaged(
                    key, "holds \(JSONValue.text(text).excerpt), but its parts or their merge are not in the vocabulary")
            }
            merges.append((String(decoding: left, as: UTF8.self), String(decoding: right, as: UTF8.self)))
        }
        return merges
    }
}
