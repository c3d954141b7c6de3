import Foundation
import JSON
import Settings

/// What `tokenizer_config.json` and `generation_config.json` of a folder say beside the tokenizer; both may be missing.
struct TokenizerConfiguration {
    let file: String
    private let folder: String
    private let fields: ComponentFields?

    init(folder: String) throws(Failure) {
        self.folder = folder.hasSuffix("/") ? folder : folder + "/"
        file = self.folder + "tokenizer_config.json"
        fields = try TokenizerConfiguration.fields(file)
    }

    func path(of name: String) -> String { folder + name }

    private static func fields(_ path: String) throws(Failure) -> ComponentFields? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let node = try TokenizerFile.json(try TokenizerFile.bytes(path: path), origin: path)
        return try ComponentFields(node, place: path)
    }

    /// The text of a token that the configuration names, given plainly or as an object with its content.
    func token(_ name: String) throws(Failure) -> String? {
        guard let node = fields?[name], node != .null else { return nil }
        guard let text = node.text ?? node["content"]?.text else {
            throw .damagedTokenizer("\(file): \(name)", "is \(node.kind), not a token")
        }
        return text
    }

    /// The chat template; of a list, the one named `default`.
    func chatTemplate() throws(Failure) -> String? {
        guard let node = fields?["chat_template"], node != .null else { return nil }
        if let text = node.text { return text }
        guard case .array(let templates) = node else {
            throw .damagedTokenizer("\(file): chat_template", "is \(node.kind), not a template")
        }
        guard let template = templates.first(where: { $0["name"]?.text == "default" })?["template"]?.text else {
            throw .configuration(
                "\(file): chat_template", "has no template named \"default\"",
                remedy: "Name the one to use \"default\".")
        }
        return template
    }

    /// `eos_token_id` of `generation_config.json`: one id or several; none where the file or the key is missing.
    func generationEnds() throws(Failure) -> [Int] {
        let path = path(of: "generation_config.json")
        guard let node = try TokenizerConfiguration.fields(path)?["eos_token_id"], node != .null else { return [] }
        let nodes: [JSONValue]
        if case .array(let listed) = node { nodes = listed } else { nodes = [node] }
        var ids: [Int] = []
        for node in nodes {
            guard let id = node.wholeNumber else {
                throw .damagedTokenizer("\(path): eos_token_id", "is \(node.kind), not a token's id")
            }
            ids.append(id)
        }
        return ids
    }
}

/// The tokens that end what a model writes.
public struct EndTokens: Equatable, Sendable {
    /// `eos_token` of `tokenizer_config.json`, or else the first end of `generation_config.json`: what a completion
    /// ends with.
    public let endOfSequence: Int32
    /// Everything that generation stops at: the end of sequence, and the ends of `generation_config.json`.
    public let stops: Set<Int32>

    /// Reads the configuration beside a tokenizer.
    ///
    /// - Throws: `Failure`: configuration where no file names an end, or names one that the tokenizer lacks.
    public init(folder: String, tokenizer: Tokenizer) throws(Failure) {
        let configuration = try TokenizerConfiguration(folder: folder)
        var ids: [Int32] = []
        if let token = try configuration.token("eos_token") {
            guard let id = tokenizer.id(of: token) else {
                throw .configuration(
                    "\(configuration.file): eos_token", "\"\(token.printable)\" is not a token of the tokenizer",
                    remedy: "Use tokenizer and configuration of the same model.")
            }
            ids.append(id)
        }
        for end in try configuration.generationEnds() {
            guard let id = Int32(exactly: end), tokenizer.vocabulary.bytes(of: id) != nil else {
                throw .configuration(
                    "\(configuration.path(of: "generation_config.json")): eos_token_id", "\(end) is no token's id",
                    remedy: "Use tokenizer and configuration of the same model.")
            }
            ids.append(id)
        }
        guard let first = ids.first else {
            throw .configuration(
                configuration.file, "names no eos_token, nor does generation_config.json",
                remedy: "Add the token that ends a text.")
        }
        endOfSequence = first
        stops = Set(ids)
    }
}

extension Tokenizer {
    /// The token that begins a sequence: `bos_token` of the folder's `tokenizer_config.json`. Nil where the file names none, or
    /// one that the tokenizer lacks, which then begins nothing.
    public func beginningOfSequence(folder: String) throws(Failure) -> Int32? {
        try TokenizerConfiguration(folder: folder).token("bos_token").flatMap(id(of:))
    }
}
