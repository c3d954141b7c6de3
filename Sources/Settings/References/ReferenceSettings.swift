/// A frozen model beside the trained model, on all ranks or some of them: `references.NAME`.
public struct ReferenceSettings: Equatable, Sendable {
    /// The name by which objectives use the reference.
    public var name: String
    /// A Hugging Face folder. Required.
    public var checkpoint: String
    /// The type of the weights in memory. Default `.file`.
    public var storage: ReferenceStorage
    /// Where the log-probabilities of a record are kept between epochs. Default `.off`.
    public var cache: ReferenceCaching
    /// The layout of the reference's ranks. Default `.same`.
    public var layout: ReferenceLayout
    /// The world ranks that hold the reference. Nil, the default: all ranks.
    public var ranks: [Int]?

    public init(
        name: String, checkpoint: String, storage: ReferenceStorage = .file, cache: ReferenceCaching = .off,
        layout: ReferenceLayout = .same, ranks: [Int]? = nil
    ) {
        self.name = name
        self.checkpoint = checkpoint
        self.storage = storage
        self.cache = cache
        self.layout = layout
        self.ranks = ranks
    }
}

extension ReferenceSettings {
    static let keys = ["checkpoint", "storage", "layout", "ranks", "cache"]

    /// Every reference under `references`, in the file's order.
    static func all(_ root: Section) throws(Failure) -> [ReferenceSettings] {
        let names = try Section(named: root["references"], path: "references", file: root.file)
        var references: [ReferenceSettings] = []
        for name in names.keys {
            guard name != ReferenceChoice.noReference else {
                throw names.failure(
                    name, "\"\(name)\" means that an objective has no reference", remedy: "Choose another name.")
            }
            references.append(try ReferenceSettings(names.section(name, keys: keys), name: name))
        }
        return references
    }

    /// Refuses a reference that no objective uses: loading it would waste memory.
    static func checkAllUsed(by objectives: [ObjectiveSettings], _ root: Section) throws(Failure) {
        let used = Set(objectives.flatMap(\.kind.referenceNames))
        let names = try Section(named: root["references"], path: "references", file: root.file)
        guard let unused = names.keys.first(where: { !used.contains($0) }) else { return }
        throw names.failure(
            unused, "is used by no objective, so loading it would waste memory",
            remedy: "Name it as the reference or a teacher of an objective, or remove it.")
    }

    /// The remedy for a name that `references` does not have.
    static func remedy(forUnknown name: String, among references: [String]) -> String {
        references.isEmpty
            ? "Add references: {\(name): {checkpoint: FOLDER}}." : "It has \(references.joined(separator: ", "))."
    }

    private init(_ section: Section, name: String) throws(Failure) {
        self.init(
            name: name,
            checkpoint: try section.required(
                "checkpoint", section.path("checkpoint"), remedy: "Name the reference's Hugging Face folder."),
            storage: try section.choice("storage", default: .file),
            cache: try section.choice("cache") ?? .off, layout: try ReferenceLayout(section),
            ranks: try ReferenceSettings.ranks(section))
    }

    var written: WrittenYAML {
        .mapping([
            ("checkpoint", .text(checkpoint)), ("storage", .text(storage.rawValue)), ("layout", layout.written),
            ("ranks", ranks.map { .list($0.map(WrittenYAML.whole)) } ?? .null), ("cache", .text(cache.rawValue)),
        ])
    }
}
