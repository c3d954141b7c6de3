/// The `config.json` of a model that starts from random weights.
public enum RandomModelSource: Equatable, Sendable {
    /// The path of a Hugging Face `config.json`.
    case file(String)
    /// The fields of a `config.json`, written in the configuration itself, as one JSON object.
    case inline(json: String)
}

extension RandomModelSource {
    /// - Returns: nil if the section has no `config`.
    init?(_ section: Section) throws(Failure) {
        guard section.isGiven("config"), let node = section["config"] else { return nil }
        switch node.content {
        case .mapping:
            self = .inline(json: try node.json(path: section.keyPath("config"), file: section.file))
        case .scalar:
            guard let path = try section.path("config") else { return nil }
            self = .file(path)
        case .list:
            throw section.failure(
                "config", "is a list, neither a path nor a mapping",
                remedy: "Give the path of a config.json, or its fields as a mapping.")
        }
    }
}
