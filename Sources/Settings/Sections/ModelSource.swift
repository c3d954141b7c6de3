/// Where the trained model's weights come from.
public enum ModelSource: Equatable, Sendable {
    /// `model.checkpoint`: a Hugging Face folder with `config.json` and safetensors.
    case checkpoint(String)
    /// `model.config`: random weights, drawn from `run.seed`. `model.tokenizer` names a folder whose tokenizer files the
    /// model's exports get.
    case random(RandomModelSource, tokenizer: String? = nil)
}

/// The `config.json` of a model that starts from random weights.
public enum RandomModelSource: Equatable, Sendable {
    /// Path of a Hugging Face `config.json`.
    case file(String)
    /// Its fields, written in the configuration itself: one JSON object.
    case inline(json: String)
}

extension ModelSource {
    static let keys = ["checkpoint", "config", "tokenizer"]

    init(_ section: Section) throws(Failure) {
        let checkpoint = try section.text("checkpoint")
        let random = try RandomModelSource(section)
        let tokenizer = try section.text("tokenizer")
        switch (checkpoint, random) {
        case (_?, nil) where tokenizer != nil:
            throw section.failure(
                "tokenizer", "is given beside model.checkpoint, which brings its own",
                remedy: "Leave it out; it belongs to model.config.")
        case (let checkpoint?, nil): self = .checkpoint(checkpoint)
        case (nil, let random?): self = .random(random, tokenizer: tokenizer)
        case (_?, _?):
            throw section.failure(
                "config", "is given beside model.checkpoint, and both say where the weights come from",
                remedy: "Keep one; `--set model.config=null` drops this one for a run.")
        case (nil, nil):
            throw section.failure(
                "checkpoint", "is missing",
                remedy: "Name a Hugging Face folder, or give model.config to start from random weights.")
        }
    }

    var written: WrittenYAML {
        switch self {
        case .checkpoint(let folder): .mapping([("checkpoint", .text(folder))])
        case .random(.file(let path), let tokenizer): written(("config", .text(path)), tokenizer)
        case .random(.inline(let json), let tokenizer): written(("config", .plain(json)), tokenizer)
        }
    }

    private func written(_ config: (String, WrittenYAML), _ tokenizer: String?) -> WrittenYAML {
        .mapping([config] + (tokenizer.map { [("tokenizer", .text($0))] } ?? []))
    }
}

extension RandomModelSource {
    /// - Returns: nil where the section has no `config`.
    fileprivate init?(_ section: Section) throws(Failure) {
        guard section.isGiven("config"), let node = section["config"] else { return nil }
        switch node.content {
        case .mapping:
            self = .inline(json: try node.json(path: section.keyPath("config"), file: section.file))
        case .scalar:
            guard let path = try section.text("config") else { return nil }
            self = .file(path)
        case .list:
            throw section.failure(
                "config", "is a list, neither a path nor a mapping",
                remedy: "Give the path of a config.json, or its fields as a mapping.")
        }
    }
}
