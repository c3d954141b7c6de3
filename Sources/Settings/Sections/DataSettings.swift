/// The prepared datasets: `data`.
public struct DataSettings: Equatable, Sendable {
    /// The training file. Nil if the configuration names none: evaluation does not need it.
    public var train: String?
    /// The files for validation figures, in the configuration's order. Default: none.
    public var validation: [NamedFile]
    /// Whether each epoch has its own order of the records, drawn from `run.seed`; otherwise the file's order. Default true.
    public var shuffle: Bool

    public init(train: String?, validation: [NamedFile] = [], shuffle: Bool = true) {
        self.train = train
        self.validation = validation
        self.shuffle = shuffle
    }
}

extension DataSettings {
    static let keys = ["train", "validation", "shuffle"]

    init(_ section: Section) throws(Failure) {
        self.init(
            train: try DataSettings.train(section),
            validation: try DataSettings.validation(section),
            shuffle: try section.boolean("shuffle", default: true))
    }

    /// Reads `train`: a path, or a list with one `{path, weight}`. Weights are relative, so a single weight has no effect.
    private static func train(_ section: Section) throws(Failure) -> String? {
        guard case .list(let items)? = section["train"]?.content else { return try section.path("train") }
        guard let item = items.first, items.count == 1 else {
            throw section.failure(
                "train", items.isEmpty ? "is an empty list" : "mixes several files, which is not supported yet",
                remedy: "Name one file.")
        }
        let entry = try Section(item, path: "data.train.0", file: section.file, keys: ["path", "weight"])
        _ = try entry.number("weight", .positive, default: 1)
        return try entry.required("path", entry.path("path"), remedy: "Name the dataset's file.")
    }

    private static func validation(_ section: Section) throws(Failure) -> [NamedFile] {
        guard let node = section["validation"], case .mapping = node.content else {
            guard let path = try section.path("validation") else { return [] }
            return [NamedFile(name: "validation", path: path)]
        }
        let names = try Section(named: node, path: "data.validation", file: section.file)
        var files: [NamedFile] = []
        for name in names.keys {
            let path = try names.required(name, names.path(name), remedy: "Name the dataset's file.")
            files.append(NamedFile(name: name, path: path))
        }
        return files
    }

    var written: WrittenYAML {
        let files = validation.map { ($0.name, WrittenYAML.text($0.path)) }
        return .mapping([
            ("train", train.map(WrittenYAML.text) ?? .null), ("validation", .mapping(files)),
            ("shuffle", .boolean(shuffle)),
        ])
    }
}
