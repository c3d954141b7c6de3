/// One objective with its weight: an entry of `objective`.
public struct ObjectiveSettings: Equatable, Sendable {
    /// Factor on the objective's mean loss and its gradient. Default 1.
    public var weight: Double
    public var kind: ObjectiveKind

    public init(weight: Double = 1, kind: ObjectiveKind) {
        self.weight = weight
        self.kind = kind
    }
}

// MARK: - Reading

extension ObjectiveSettings {
    /// The keys of all types of objectives, each key once.
    static let keys = ObjectiveType.allCases.flatMap(\.keys).reduce(into: [String]()) { keys, key in
        if !keys.contains(key) { keys.append(key) }
    }

    /// All objectives, in the file's order. `objective` is one mapping or a list of mappings.
    ///
    /// - Parameter references: the names of all references.
    static func all(_ root: Section, references: [String]) throws(Failure) -> [ObjectiveSettings] {
        let remedy = """
            Add objective: {type: language_modeling}, {type: preference, reference: NAME} \
            or {type: distillation, teacher: NAME}.
            """
        let node = try root.required("objective", root.isGiven("objective") ? root["objective"] : nil, remedy: remedy)
        guard case .list = node.content, let list = try root.list("objective", remedy: remedy) else {
            return [try ObjectiveSettings(node, path: "objective", file: root.file, references: references)]
        }
        var objectives: [ObjectiveSettings] = []
        for index in list.keys {
            objectives.append(
                try ObjectiveSettings(
                    list[index], path: list.keyPath(index), file: root.file, references: references))
        }
        try checkPreferences(of: objectives, list)
        return objectives
    }

    /// Refuses a second preference objective: a pair has one reward, and two objectives would report two figures under each
    /// name.
    private static func checkPreferences(of objectives: [ObjectiveSettings], _ list: Section) throws(Failure) {
        let indices = objectives.indices.filter { objectives[$0].kind.type == .preference }
        guard indices.count > 1 else { return }
        throw list.failure(
            "\(indices[1])",
            "is a second preference objective, beside \(list.keyPath("\(indices[0])")), and a run has one at most",
            remedy: "Keep one of them.")
    }

    private init(
        _ node: ConfigurationNode?, path: String, file: String, references: [String]
    ) throws(Failure) {
        let type = try ObjectiveSettings.type(node, path: path, file: file)
        let section = try Section(
            node, path: path, title: "a \(type.rawValue) objective", file: file, keys: type.keys)
        let kind: ObjectiveKind =
            switch type {
            case .languageModeling: .languageModeling
            case .preference: .preference(try PreferenceSettings(section, references: references))
            case .distillation: .distillation(try DistillationSettings(section, references: references))
            }
        self.init(weight: try section.number("weight", .positive, default: 1), kind: kind)
    }

    /// Reads the type first, because it decides which other keys are allowed.
    private static func type(
        _ node: ConfigurationNode?, path: String, file: String
    ) throws(Failure) -> ObjectiveType {
        var onlyType = node
        if case .mapping(let entries)? = node?.content {
            onlyType?.content = .mapping(entries.filter { $0.key == "type" })
        }
        let section = try Section(onlyType, path: path, file: file, keys: keys)
        let names = ObjectiveType.allCases.map(\.rawValue)
        return try section.required("type", section.choice("type"), remedy: "Use \(names.joined(separator: " or ")).")
    }

    // MARK: Writing

    var written: WrittenYAML {
        let common: [(String, WrittenYAML)] = [("type", .text(kind.type.rawValue)), ("weight", .number(weight))]
        switch kind {
        case .languageModeling: return .mapping(common)
        case .preference(let settings): return .mapping(common + settings.written)
        case .distillation(let settings): return .mapping(common + settings.written)
        }
    }
}
