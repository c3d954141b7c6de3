import Foundation
import JSON
import Settings

/// The content of a `tokenizer.json`, checked and resolved.
struct TokenizerFile {
    let vocabulary: Vocabulary
    let model: BytePairModel
    let addedTokens: AddedTokens
    let normalizer: Normalizer
    let preTokenizer: PreTokenizer
    let postProcessor: PostProcessor

    /// - Parameter origin: the file's name in errors.
    init(_ bytes: [UInt8], origin: String) throws(Failure) {
        let root = try ComponentFields(try TokenizerFile.json(bytes, origin: origin), place: origin)
        try root.refuseAllBut([
            "version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor",
            "decoder",
            "model",
        ])
        let place = { (name: String) in "\(origin): \(name)" }
        // Settings of the last batch, saved by a program. They are ignored as in Transformers, where each call decides.
        for name in ["truncation", "padding"] {
            guard let node = root[name], node != .null else { continue }
            guard case .object = node else { throw .damagedTokenizer(place(name), "is \(node.kind), not an object") }
        }
        guard let modelNode = root["model"], modelNode != .null else {
            throw .damagedTokenizer(place("model"), "is missing")
        }
        // The model is read first, because it gives the clearest error for another kind of tokenizer.
        var (model, vocabulary) = try BytePairModel.read(modelNode, place: place("model"))
        normalizer = try Normalizer(root["normalizer"], place: place("normalizer"))
        preTokenizer = try PreTokenizer(root["pre_tokenizer"], place: place("pre_tokenizer"))
        try TokenizerFile.checkDecoder(root["decoder"], place: place("decoder"))
        addedTokens = try AddedTokens(
            root["added_tokens"], place: place("added_tokens"), vocabulary: &vocabulary, normalizer: normalizer)
        postProcessor = try PostProcessor(
            root["post_processor"], place: place("post_processor"), vocabulary: vocabulary)
        self.model = model
        self.vocabulary = vocabulary
    }

    /// The largest file that is read, in bytes. The file of a vocabulary of 262,144 tokens has 33 million.
    private static let byteLimit = 256 << 20

    /// Reads a file's bytes.
    ///
    /// - Throws: `Failure`: missing input if the file does not exist or can't be opened; damaged data if it is not a regular
    ///   file or is too large.
    static func bytes(path: String) throws(Failure) -> [UInt8] {
        try InputFile.bytes(
            path: path, byteLimit: byteLimit, remedy: "Name a folder with a Hugging Face tokenizer.")
    }

    static func json(_ bytes: [UInt8], origin: String) throws(Failure) -> JSONValue {
        do {
            return try JSONValue(parsing: bytes)
        } catch {
            throw .damagedTokenizer(origin, "is not JSON at byte \(error.offset): \(error.reason)")
        }
    }

    /// Refuses a decoder other than ByteLevel: Tandem decodes tokens by the byte alphabet only.
    private static func checkDecoder(_ node: JSONValue?, place: String) throws(Failure) {
        guard let node, node != .null else {
            throw .unsupportedTokenizer(place, "is missing: a byte-level tokenizer has the decoder ByteLevel")
        }
        var count = 0
        try countByteLevel(node, place: place, &count)
        guard count == 1 else { throw .unsupportedTokenizer(place, "has ByteLevel \(count) times, not once") }
    }

    private static func countByteLevel(_ node: JSONValue, place: String, _ count: inout Int) throws(Failure) {
        let fields = try ComponentFields(node, place: place)
        let type = try fields.string("type")
        switch type {
        case "ByteLevel":
            try fields.refuseAllBut(["type", "add_prefix_space", "trim_offsets", "use_regex"])
            count += 1
        case "Fuse":
            // Fuse joins the decoded parts, and Tandem always joins them. Before ByteLevel, Fuse would join the model's tokens
            // with added tokens.
            try fields.refuseAllBut(["type"])
            guard count > 0 else { throw .unsupportedTokenizer(place, "is Fuse before ByteLevel") }
        case "Sequence":
            try fields.refuseAllBut(["type", "decoders"])
            for (index, inner) in try fields.list("decoders").enumerated() {
                try countByteLevel(inner, place: "\(place).decoders[\(index)]", &count)
            }
        default:
            throw .unsupportedTokenizer(fields.place(of: "type"), "the decoder \"\(type.printable)\" is not supported")
        }
    }
}
