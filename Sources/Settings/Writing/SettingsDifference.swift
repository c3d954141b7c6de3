/// A setting that differs between two configurations.
public struct SettingsDifference: Equatable, Sendable {
    /// The setting's key path, such as `optimizer.learning_rate`. Entries of a list are counted from 0: `objective.1.weight`.
    public let keyPath: String
    /// The value before, as written; nil if it is not given.
    public let before: String?
    /// The value after, as written; nil if it is not given.
    public let after: String?

    /// The differences of two documents that `RunConfiguration` wrote, in the order of the first document's keys.
    ///
    /// - Throws: `Failure` (configuration) for a document that is not YAML.
    public static func all(from before: String, to after: String) throws(Failure) -> [SettingsDifference] {
        let (old, new) = (try entries(before, "the settings before"), try entries(after, "the settings now"))
        let olds = Dictionary(old.map { ($0.keyPath, $0.value) }) { first, _ in first }
        let news = Dictionary(new.map { ($0.keyPath, $0.value) }) { first, _ in first }
        let paths = old.map(\.keyPath) + new.map(\.keyPath).filter { olds[$0] == nil }
        return paths.filter { olds[$0] != news[$0] }.map { SettingsDifference(keyPath: $0, before: olds[$0], after: news[$0]) }
    }

    /// Whether one of `allowed` is the setting's key path, or the path of a mapping or list that contains the setting.
    public func isAllowed(by allowed: [String]) -> Bool { SettingsDifference.isAllowed(keyPath, by: allowed) }

    public static func isAllowed(_ keyPath: String, by allowed: [String]) -> Bool {
        allowed.contains { keyPath == $0 || keyPath.hasPrefix($0 + ".") }
    }

    private static func entries(_ yaml: String, _ place: String) throws(Failure) -> [(keyPath: String, value: String)] {
        guard let root = try YAMLComposer.compose(yaml, place: place, origin: .file) else { return [] }
        return entries(root, path: "")
    }

    private static func entries(_ node: ConfigurationNode, path: String) -> [(keyPath: String, value: String)] {
        func inner(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
        switch node.content {
        case .scalar: return [(path, node.shown)]
        case .list(let items): return items.enumerated().flatMap { entries($1, path: inner("\($0)")) }
        case .mapping(let members): return members.flatMap { entries($0.value, path: inner($0.key)) }
        }
    }
}
