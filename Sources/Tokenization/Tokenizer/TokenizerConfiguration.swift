import Foundation
import JSON
import Settings

/// The configuration beside a tokenizer: `tokenizer_config.json`, `generation_config.json` and `config.json`. Each file may be
/// missing.
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

    /// The text of a token that the configuration names, and the file that names it. The token is written as a text or as an
    /// object with `content`. Older folders name tokens in `special_tokens_map.json`.
    func token(_ name: String) throws(Failure) -> (text: String, file: String)? {
        if let text = try TokenizerConfiguration.token(name, fields) { return (text, file) }
        // As in Transformers: `special_tokens_map.json` counts only if the newer file lists no tokens of its own.
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

    /// The chat template; from a list, the template named `default`.
    func chatTemplate() throws(Failure) -> String? {
        guard let node = fields?["chat_template"], node != .null else { return nil }
        if let text = node.text { return text }
        guard case .array(let templates) = node else {
            throw .damagedTokenizer("\(file): chat_template", "is \(node.kind), not a template")
        }
        guard let template = templates.first(where: { $0["name"]?.text == "default" })?["template"]?.text else {
            throw .configuration(
                "\(file): chat_template", "has no template named \"default\"",
                remedy: "Give the template to use the name \"default\".")
        }
        return template
    }

    /// The ids of `eos_token_id`, and the file that has them: `generation_config.json`, or else `config.json`, as in
    /// Transformers. The key has one id or several; without the key there are none.
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
    /// The beginning of sequence: `bos_token` of the folder's configuration. Nil if the configuration names none, or if the
    /// tokenizer lacks the token.
    public func beginningOfSequence(folder: String) throws(Failure) -> Int32? {
        try TokenizerConfiguration(folder: folder).token("bos_token").flatMap { id(of: $0.text) }
    }
}
