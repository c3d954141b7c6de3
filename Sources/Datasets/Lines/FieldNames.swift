import Settings

/// Which field of the input holds what.
struct FieldNames: Sendable {
    private let nameBySource: [String: FieldName]
    private let sourceByName: [FieldName: String]
    /// Fields, of records and of their messages, that are passed over whatever they mean.
    let ignored: Set<String>

    /// - Parameter choices: fields of the input by the usual name that they stand for. A usual name that was given another
    ///   field means nothing any more where it occurs itself.
    init(choices: [FieldName: String] = [:], ignored: Set<String> = []) {
        self.ignored = ignored
        let usual = FieldName.allCases.map { name in (name, choices[name] ?? name.rawValue) }
        sourceByName = Dictionary(uniqueKeysWithValues: usual)
        // A chosen field comes before another's usual name: `text=prompt` takes `prompt` away from preference records.
        nameBySource = Dictionary(usual.map { ($1, $0) }) { first, second in choices[first] != nil ? first : second }
    }

    /// What the field `source` of a record holds, nil for one that is passed over.
    subscript(_ source: String) -> FieldName? { ignored.contains(source) ? nil : nameBySource[source] }

    /// For an error: the field as the input calls it.
    func source(of name: FieldName) -> String { sourceByName[name]! }
}
