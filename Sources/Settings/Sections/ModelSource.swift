/// Where the trained model's weights come from.
public enum ModelSource: Equatable, Sendable {
    /// `model.checkpoint`: a Hugging Face folder with `config.json` and safetensors.
    case checkpoint(String)
    /// `model.config`: random weights, drawn from `run.seed`. `model.tokenizer` names a folder; exports copy its tokenizer
    /// files.
    case random(RandomModelSource, tokenizer: String? = nil)
    /// `model.initialize_from`: a smaller model made of these blocks of a Hugging Face folder. Blocks are counted from 0, at
    /// least one, strictly ascending. Opening the folder checks that it has them.
    case layers([Int], of: String)
}

extension ModelSource {
    static let keys = ["checkpoint", "config", "initialize_from", "tokenizer"]
    /// Keys of `model.initialize_from`.
    static let layerKeys = ["checkpoint", "layers"]

    init(_ section: Section) throws(Failure) {
        let checkpoint = try section.path("checkpoint").map(ModelSource.checkpoint)
        let tokenizer = try section.path("tokenizer")
        let random = try RandomModelSource(section).map { ModelSource.random($0, tokenizer: tokenizer) }
        let layers = try ModelSource.layers(section)
        let sources = [("checkpoint", checkpoint), ("config", random), ("initialize_from", layers)]
            .compactMap { key, source in source.map { (key: key, source: $0) } }
        guard let first = sources.first else {
            throw section.failure(
                "checkpoint", "is missing",
                remedy: "Name a Hugging Face folder, or give model.config to start from random weights, "
                    + "or model.initialize_from to start from some blocks of a checkpoint.")
        }
        guard sources.count == 1 else {
            throw section.failure(
                sources[1].key,
                "is given beside model.\(first.key), and both say where the weights come from",
                remedy: "Keep one; `--set model.\(sources[1].key)=null` drops this one for a run.")
        }
        self = first.source
        guard tokenizer == nil || random != nil else {
            let owner = layers == nil ? "which" : "whose checkpoint"
            throw section.failure(
                "tokenizer", "is given beside model.\(first.key), \(owner) brings its own",
                remedy: "Leave it out; it belongs to model.config.")
        }
    }

    /// - Returns: nil if the section has no `initialize_from`.
    private static func layers(_ section: Section) throws(Failure) -> ModelSource? {
        guard section.isGiven("initialize_from") else { return nil }
        let source = try section.section("initialize_from", keys: layerKeys)
        let folder = try source.required(
            "checkpoint", source.path("checkpoint"), remedy: "Name the Hugging Face folder that has the blocks.")
        let remedy = "List the blocks to take, counted from 0 and ascending, such as [0, 3, 6]."
        let list = try source.required("layers", source.list("layers", remedy: remedy), remedy: remedy)
        var layers: [Int] = []
        for index in list.keys {
            let layer = try list.required(index, list.whole(index, .indices), remedy: remedy)
            if let last = layers.last, layer <= last {
                throw list.failure(index, "is \(layer), which does not ascend from the \(last) before it", remedy: remedy)
            }
            layers.append(layer)
        }
        return .layers(layers, of: folder)
    }

    var written: WrittenYAML {
        switch self {
        case .checkpoint(let folder): .mapping([("checkpoint", .text(folder))])
        case .random(.file(let path), let tokenizer): written(("config", .text(path)), tokenizer)
        case .random(.inline(let json), let tokenizer): written(("config", .plain(json)), tokenizer)
        case .layers(let layers, let folder):
            .mapping([
                (
                    "initialize_from",
                    .mapping([("checkpoint", .text(folder)), ("layers", .list(layers.map(WrittenYAML.whole)))])
                )
            ])
        }
    }

    private func written(_ config: (String, WrittenYAML), _ tokenizer: String?) -> WrittenYAML {
        .mapping([config] + (tokenizer.map { [("tokenizer", .text($0))] } ?? []))
    }
}
