/// Reads one mapping of the configuration: returns typed values by key, and refuses unknown keys.
///
/// Accessors without a `default` read `null` as "not given". Accessors with a `default` refuse `null`: a key without a value is
/// probably a slip, not a wish for the default.
struct Section {
    /// Key path of the mapping; empty for the whole file.
    let path: String
    let file: String
    private let entries: [ConfigurationNode.Entry]

    /// - Parameters:
    ///   - node: nil and `null` are read as a mapping without keys.
    ///   - title: the mapping's name in an error; nil takes its path.
    ///   - keys: every key that the mapping may have.
    init(
        _ node: ConfigurationNode?, path: String, title: String? = nil, file: String, keys: [String]
    ) throws(Failure) {
        self.path = path
        self.file = file
        guard let node, !node.isNull else {
            entries = []
            return
        }
        guard case .mapping(let entries) = node.content else {
            throw .configuration(
                node.origin.place(path, file: file), "is \(node.shown), not a mapping",
                remedy: keys.isEmpty
                    ? "Write names with their values below it."
                    : "Write its keys below it: \(keys.joined(separator: ", ")).")
        }
        self.entries = entries
        for entry in entries where !keys.contains(entry.key) {
            throw .configuration(
                place(entry.key), "\"\(entry.key)\" is not a key of \(title ?? path)",
                remedy: KeySuggestion.remedy(for: entry.key, among: keys, in: path))
        }
    }

    /// Reads a mapping whose keys are names of the user's choice, in the file's order.
    init(named node: ConfigurationNode?, path: String, file: String) throws(Failure) {
        var keys: [String] = []
        if case .mapping(let entries)? = node?.content { keys = entries.map(\.key) }
        try self.init(node, path: path, file: file, keys: keys)
        for key in keys where key.wholeMatch(of: /[A-Za-z0-9_-]+/) == nil {
            throw .configuration(
                place(key), "\"\(key)\" is not a usable name", remedy: "Use letters, digits, _ and - only.")
        }
    }

    /// Reads a list like a mapping: its keys are `0`, `1`, `2` and so on.
    private init(_ items: [ConfigurationNode], path: String, file: String) {
        self.path = path
        self.file = file
        entries = items.enumerated().map { ConfigurationNode.Entry(key: "\($0)", value: $1) }
    }

    var keys: [String] { entries.map(\.key) }

    /// The value as written, including `null`.
    subscript(key: String) -> ConfigurationNode? { entries.first { $0.key == key }?.value }

    func keyPath(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// The key's name in an error: with the file, or with the `--set` that wrote the value.
    func place(_ key: String) -> String {
        (self[key]?.origin ?? .file).place(keyPath(key), file: file)
    }

    func failure(_ key: String, _ reason: String, remedy: String) -> Failure {
        .configuration(place(key), reason, remedy: remedy)
    }

    func isGiven(_ key: String) -> Bool { !(self[key]?.isNull ?? true) }

    /// The mapping under `key`.
    func section(_ key: String, keys: [String]) throws(Failure) -> Section {
        try Section(self[key], path: keyPath(key), file: file, keys: keys)
    }

    /// The entries of the list under `key`, at least one; nil if the list is not given.
    ///
    /// - Parameter remedy: the remedy of an error: how to write such a list.
    func list(_ key: String, remedy: String) throws(Failure) -> Section? {
        guard let node = self[key], !node.isNull else { return nil }
        guard case .list(let items) = node.content else {
            throw failure(key, "is \(node.shown), not a list", remedy: remedy)
        }
        guard !items.isEmpty else { throw failure(key, "is an empty list", remedy: remedy) }
        return Section(items, path: keyPath(key), file: file)
    }

    /// The value. A missing value is an error, whose remedy says what to add.
    func required<Value>(_ key: String, _ value: Value?, remedy: String) throws(Failure) -> Value {
        guard let value else { throw failure(key, "is missing", remedy: remedy) }
        return value
    }
}

// MARK: - Keys of future features

extension Section {
    /// Refuses every value other than `supported`, the only value that Tandem supports so far.
    func requireOnly(_ supported: String, _ key: String) throws(Failure) {
        guard let node = self[key], !node.isNull else { return }
        if case .scalar(supported, _) = node.content { return }
        throw failure(
            key, "is \(node.shown); only \(supported) is supported so far",
            remedy: "Leave it out or set it to \(supported).")
    }
}
