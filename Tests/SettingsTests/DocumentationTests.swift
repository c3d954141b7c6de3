import Testing

@testable import Settings

@Suite("docs/configuration.md")
struct DocumentationTests {
    private static let page = ConfigurationPage.shared
    private static let rows = page.rows

    /// Every mapping with keys of its own that the code reads, one for each type of objective.
    struct Mapping: Sendable, CustomTestStringConvertible {
        let path: String
        var objectiveType: String?
        let keys: [String]
        var testDescription: String { objectiveType.map { "\(path) of type \($0)" } ?? path }

        static let all =
            RunConfiguration.sectionKeys.filter { $0.section != "references" && $0.section != "objective" }
            .map { Mapping(path: $0.section, keys: $0.keys) }
            + [Mapping(path: "references.NAME", keys: ReferenceSettings.keys)]
            + RunConfiguration.nestedKeys.map { Mapping(path: "\($0.section).\($0.key)", keys: $0.keys) }
            + ObjectiveType.allCases.map { Mapping(path: "objective", objectiveType: $0.rawValue, keys: $0.keys) }

        /// The keys in the page's table of this mapping.
        var tabled: [String] {
            rows.filter { $0.home == path && (path != "objective" || $0.objectiveType == nil || $0.objectiveType == objectiveType) }.map(\.key)
        }
        /// The keys of this mapping that the page says are refused for now.
        var planned: [String] {
            page.planned.filter { $0.keyPath.hasPrefix(path + ".") }.map { String($0.keyPath.dropFirst(path.count + 1)) }
        }
    }

    @Test("the sections of the page are those of the code, in the code's order")
    func sections() {
        #expect(Self.page.sections == RunConfiguration.sectionKeys.map(\.section))
    }

    @Test("every key that the code accepts is in its section's table, or planned", arguments: Mapping.all)
    func everyKeyIsDocumented(_ mapping: Mapping) {
        let missing = Set(mapping.keys).subtracting(mapping.tabled).subtracting(mapping.planned)
        #expect(missing.isEmpty)
    }

    @Test("every key of a table is accepted by the code, and stands there once", arguments: Mapping.all)
    func everyDocumentedKeyIsAccepted(_ mapping: Mapping) {
        #expect(Set(mapping.tabled + mapping.planned).subtracting(mapping.keys).isEmpty)
        #expect(mapping.tabled.count == Set(mapping.tabled).count)
    }

    @Test("every table and every planned key belongs to a mapping that the code reads")
    func everyTableHasAHome() {
        let paths = Set(Mapping.all.map(\.path))
        #expect(Set(Self.rows.map(\.home)).subtracting(paths).isEmpty)
        let types = Set(Self.rows.compactMap(\.objectiveType))
        #expect(types.subtracting(ObjectiveType.allCases.map(\.rawValue)).isEmpty)
        for planned in Self.page.planned {
            let home = planned.keyPath.split(separator: ".").dropLast().joined(separator: ".")
            #expect(paths.contains(home.isEmpty ? planned.keyPath : home), "\(planned.keyPath)")
        }
    }

    @Test("every row has a type, a default and a meaning", arguments: rows)
    func everyCellIsFilled(_ row: ConfigurationPage.Row) {
        for cell in [row.key, row.type, row.defaultValue, row.meaning] { #expect(!cell.isEmpty) }
        let saysWhichDefault = row.literalDefault != nil || ["none", "required"].contains { row.defaultValue.hasPrefix($0) }
        #expect(saysWhichDefault, "neither a value in backticks, nor none, nor required: \(row.defaultValue)")
    }

    // MARK: Defaults

    /// The smallest runs that have the row's key, or may have it: the page's own and one of language modelling, unless the
    /// key belongs to something that they lack.
    private static func smallest(_ row: ConfigurationPage.Row) -> [String] {
        switch (row.home, row.objectiveType) {
        case ("model.initialize_from", _):
            let source = "model: {initialize_from: {checkpoint: models/large, layers: [0, 3]}}"
            return [distillationYAML.replacing("model: {checkpoint: models/student}", with: source)]
        case ("objective.hidden_states", _):
            return [
                distillationYAML
                    .replacing("references:", with: "references:\n  small: {checkpoint: models/small}")
                    .replacing(
                        "teacher: large",
                        with: "teacher: {large: 1, small: 1}, hidden_states: {layers: [[0, 1]], teacher: large}")
            ]
        case (_, "distillation"?):
            let divergence = row.key == "beta" ? ", divergence: jensen_shannon" : ""
            return [distillationYAML.replacing("teacher: large", with: "teacher: large\(divergence)")]
        default:
            return [page.example, languageModelingYAML]
        }
    }

    /// What the resolved configuration says at `keyPath`; nil where it has no such key.
    private static func resolved(_ yaml: String, _ keyPath: String, overrides: String...) throws -> Value? {
        let configuration = try RunConfiguration(yaml: yaml, file: "run.yaml", overrides: overrides)
        let tree = try YAMLComposer.compose(configuration.resolvedYAML(), place: "resolved", origin: .file)
        let node = keyPath.split(separator: ".").reduce(tree) { node, key in
            guard case .mapping(let entries)? = node?.content else { return nil }
            return entries.first { $0.key == key }?.value
        }
        return node.map(Value.init)
    }

    @Test("a default in backticks is the one that the code writes out", arguments: rows.filter { $0.literalDefault != nil })
    func literalDefault(_ row: ConfigurationPage.Row) throws {
        let literal = try #require(row.literalDefault)
        let stated = try #require(try YAMLComposer.compose(literal, place: "the page", origin: .file).map(Value.init))
        let written = try Self.smallest(row).compactMap { try Self.resolved($0, row.keyPath) }
        #expect(!written.isEmpty && written.allSatisfy { $0 == stated }, "the page says \(stated), the code writes \(written)")
    }

    @Test(
        "a key whose default is none may be null, and nothing is then written for it",
        arguments: rows.filter { $0.defaultValue.hasPrefix("none") })
    func noDefault(_ row: ConfigurationPage.Row) throws {
        // A model needs one of its two keys: null is refused where the other is not given either.
        let accepted = Self.smallest(row).filter { refusal($0, overrides: ["\(row.keyPath)=null"]) == nil }
        #expect(!accepted.isEmpty)
        for yaml in accepted {
            let written = try Self.resolved(yaml, row.keyPath, overrides: "\(row.keyPath)=null")
            #expect(written == nil || written == .null || written == .nothing)
        }
    }

    @Test(
        "a key that has a default takes null where the page names it, and refuses it everywhere else",
        arguments: rows.filter { $0.literalDefault != nil && ($0.objectiveType ?? "preference") == "preference" })
    func nullDefault(_ row: ConfigurationPage.Row) {
        let failure = refusal(Self.page.example, overrides: ["\(row.keyPath)=null"])
        #expect((failure == nil) == Self.page.nullable.contains("\(row.home).\(row.key)"), "\(failure.map(String.init(describing:)) ?? "taken")")
    }

    @Test("a key that is required is missed where it is left out", arguments: rows.filter { $0.defaultValue.hasPrefix("required") })
    func required(_ row: ConfigurationPage.Row) throws {
        let yaml = Self.smallest(row)[0]
        #expect(refusal(yaml) == nil)
        let failure = try #require(refusal(yaml, overrides: ["\(row.keyPath)=null"]))
        #expect(failure.place.contains(row.keyPath) && failure.reason.hasPrefix("is missing"))
    }

    // MARK: Values

    @Test("a type that lists values lists those that the code takes, and no other", arguments: rows.filter { !$0.choices.isEmpty })
    func choices(_ row: ConfigurationPage.Row) throws {
        let yaml = Self.smallest(row)[0]
        for choice in row.choices {
            let failure = refusal(yaml, overrides: ["\(row.keyPath)=\(choice)"])
            #expect(failure?.place.contains("--set \(row.keyPath)") != true, "\(choice)")
        }
        let failure = try #require(refusal(yaml, overrides: ["\(row.keyPath)=zebra"]))
        #expect(failure.place == "--set \(row.keyPath)")
        // A refusal names what would do: "Use linear or cosine.", "Leave it out or set it to none."
        let named = failure.remedy.trimmingPrefix(#/Use |Leave it out or set it to /#).dropLast().split(separator: " or ")
        #expect(Set(named.map(String.init)) == Set(row.choices))
    }

    @Test(
        "a planned key is refused by its name for every value, or for every value but the one that is named",
        arguments: page.planned.filter { $0.refused.hasPrefix("any") })
    func planned(_ planned: ConfigurationPage.Planned) throws {
        let keyPath = planned.keyPath.replacing("NAME", with: "sft")
        let failure = try #require(refusal(Self.page.example, overrides: ["\(keyPath)=7"]))
        #expect(failure.place == "--set \(keyPath)" && failure.reason.contains("support"), "\(failure)")
        guard let only = planned.refused.codeSpans.first else {
            #expect(planned.refused == "any value")
            return
        }
        #expect(refusal(Self.page.example, overrides: ["\(keyPath)=\(only)"]) == nil)
    }
}

/// A value of YAML with its meaning, so that `1` and `1.0` are the same.
private enum Value: Equatable {
    case null
    case boolean(Bool)
    case number(Double?)
    case text(String)
    case list([Value])
    /// A mapping without keys.
    case nothing
    case mapping

    init(_ node: ConfigurationNode) {
        switch node.content {
        case .list(let items): self = .list(items.map(Value.init))
        case .mapping(let entries): self = entries.isEmpty ? .nothing : .mapping
        case .scalar(let text, let isPlain):
            switch Scalar(text: text, isPlain: isPlain) {
            case .null: self = .null
            case .boolean(let value): self = .boolean(value)
            case .number(let digits): self = .number(Double(digits))
            case .text(let text): self = .text(text)
            }
        }
    }
}
