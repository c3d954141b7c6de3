import Foundation
import JSON
import Settings

/// What a folder says beside the tokenizer, in `tokenizer_config.json`, `generation_config.json` and `config.json`; each may
/// be missing.
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

    /// The text of a token that the configuration names, given plainly or as an object with its content, and the file that
    /// names it: older folders have `special_tokens_map.json` for that.
    func token(_ name: String) throws(Failure) -> (text: String, file: String)? {
        if let text = try TokenizerConfiguration.token(name, fields) { return (text, file) }
        // As in Transformers: it counts where the newer file lists no tokens of its own.
        guard fields?[name] == nil, fields?["added_tokens_decoder"] == nil else { return nil }
        let older = path(of: "special_tokens_map.json")
        return try TokenizerConfiguration.token(name, TokenizerConfiguration.fields(older)).map { ($0, older) }
    }

    private static func token(_ name: String, _ fields: ComponentFields?) throws(Failure) -> String? {
        guard let node = fields?[name], node != .null else { return nil }
        guard let text = node.text ?? node["content"]?.text else {
            throw .damagedTokenizer("\(fields!.place): \(name)", "is \(node.kind), not a token")
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

    /// `eos_token_id` as Transformers takes it, and the file that has it: of `generation_config.json`, or of `config.json` where
    /// that says nothing. One id or several; none where no file has the key.
    func generationEnds() throws(Failure) -> (ids: [Int], file: String) {
        for name in ["generation_config.json", "config.json"] {
            let ids = try ends(in: path(of: name))
            if !ids.isEmpty { return (ids, path(of: name)) }
        }
        return ([], path(of: "generation_config.json"))
    }

    private func ends(in path: String) throws(Failure) -> [Int] {
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

extension Tokenizer {
    /// The token that begins a sequence: `bos_token` of the folder's `tokenizer_config.json`. Nil where the file names none, or
    /// one that the tokenizer lacks, which then begins nothing.
    public func beginningOfSequence(folder: String) throws(Failure) -> Int32? {
        try TokenizerConfiguration(folder: folder).token("bos_token").flatMap { id(of: $0.text) }
    }
}
