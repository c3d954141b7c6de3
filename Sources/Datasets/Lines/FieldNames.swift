import Settings

/// The meaning of each field of the input.
struct FieldNames: Sendable {
    private let nameBySource: [String: FieldName]
    private let sourceByName: [FieldName: String]
    /// Fields of the records, and keys of their messages, that are ignored even if they have a meaning.
    let ignored: Set<String>

    /// - Parameter choices: the input's field for each usual name that differs from it. A field with such a usual name then has
    ///   no meaning of its own.
    init(choices: [FieldName: String] = [:], ignored: Set<String> = []) {
        self.ignored = ignored
        let usual = FieldName.allCases.map { name in (name, choices[name] ?? name.rawValue) }
        sourceByName = Dictionary(uniqueKeysWithValues: usual)
        // A chosen field comes before another's usual name: `text=prompt` takes `prompt` away from preference records.
        nameBySource = Dictionary(usual.map { ($1, $0) }) { first, second in choices[first] != nil ? first : second }
    }

    /// The meaning of the field `source` of a record; nil for a field that is not read.
    subscript(_ source: String) -> FieldName? { ignored.contains(source) ? nil : nameBySource[source] }

    /// The input's name of the field, for an error.
    func source(of name: FieldName) -> String { sourceByName[name]! }
}
