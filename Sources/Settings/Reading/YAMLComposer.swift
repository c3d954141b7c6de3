import Yams

/// Turns YAML text into a `ConfigurationNode`. Expands anchors and merge keys (`<<`); refuses tags, and keys that are not text.
struct YAMLComposer {
    /// The file's name, or `--set KEY`, for errors.
    private let place: String
    private let origin: ConfigurationNode.Origin
    /// The number of values that may still be created: aliases of aliases can expand to more values than any memory holds.
    private var budget = 100_000
    /// The most aliases of a document. The library expands aliases of aliases before values can be counted here. With this
    /// limit, values multiply at most 3¹¹ times.
    private static let aliasLimit = 32

    /// - Returns: nil for a document without a value.
    static func compose(
        _ yaml: String, place: String, origin: ConfigurationNode.Origin
    ) throws(Failure) -> ConfigurationNode? {
        var composer = YAMLComposer(place: place, origin: origin)
        try composer.checkAliases(yaml)
        let root: Node?
        do {
            // The basic resolver leaves every plain scalar as written: `Scalar` decides about its type.
            root = try Yams.compose(yaml: yaml, .basic)
        } catch {
            throw composer.failure(error)
        }
        guard let root else { return nil }
        return try composer.node(root)
    }

    private init(place: String, origin: ConfigurationNode.Origin) {
        self.place = place
        self.origin = origin
    }

    private func checkAliases(_ yaml: String) throws(Failure) {
        // Text or a comment that looks like an alias counts too, but no real configuration has so many.
        let count = yaml.matches(of: /(?:^|[\s\[{,:?-])\*[^\s,\[\]{}*]/).count
        guard count > YAMLComposer.aliasLimit else { return }
        throw failure(
            nil, "has \(count) aliases; at most \(YAMLComposer.aliasLimit) are read",
            "Write the values out.")
    }

    private mutating func node(_ node: Node) throws(Failure) -> ConfigurationNode {
        budget -= 1
        guard budget > 0 else {
            throw failure(node.mark?.line, "has aliases that expand to too many values", "Write the values out.")
        }
        switch node {
        case .scalar(let scalar):
            let tag = scalar.tag.description
            let isText = tag == Tag.Name.str.rawValue
            guard isText || tag == Tag.Name.implicit.rawValue else { throw refusedTag(tag, at: scalar.mark) }
            let isPlain = scalar.style == .plain && !isText
            return ConfigurationNode(content: .scalar(text: scalar.string, isPlain: isPlain), origin: origin)
        case .sequence(let sequence):
            try checkTag(sequence.tag, Tag.Name.seq, at: sequence.mark)
            var items: [ConfigurationNode] = []
            for item in sequence { items.append(try self.node(item)) }
            return ConfigurationNode(content: .list(items), origin: origin)
        case .mapping(let mapping):
            try checkTag(mapping.tag, Tag.Name.map, at: mapping.mark)
            return ConfigurationNode(content: .mapping(try entries(of: mapping)), origin: origin)
        case .alias(let alias):
            throw failure(alias.mark?.line, "has an alias without an anchor", "Write the value out.")
        }
    }

    /// The mapping's own keys in order, then the merged keys that the mapping does not have itself.
    private mutating func entries(of mapping: Node.Mapping) throws(Failure) -> [ConfigurationNode.Entry] {
        var own: [ConfigurationNode.Entry] = []
        var merged: [ConfigurationNode.Entry] = []
        for (keyNode, value) in mapping {
            guard case .scalar(let key) = keyNode else {
                throw failure(keyNode.mark?.line, "has a key that is not text", "Use a plain name as the key.")
            }
            if key.string == "<<", key.style == .plain {
                merged += try mergedEntries(value, at: key.mark)
            } else {
                own.append(.init(key: key.string, value: try node(value)))
            }
        }
        var names = Set(own.map(\.key))
        return own + merged.filter { names.insert($0.key).inserted }
    }

    private mutating func mergedEntries(_ node: Node, at mark: Mark?) throws(Failure) -> [ConfigurationNode.Entry] {
        switch node {
        case .mapping(let mapping):
            return try entries(of: mapping)
        case .sequence(let sequence):
            var merged: [ConfigurationNode.Entry] = []
            for item in sequence {
                guard case .mapping(let mapping) = item else { throw badMerge(at: mark) }
                merged += try entries(of: mapping)
            }
            return merged
        case .scalar, .alias:
            throw badMerge(at: mark)
        }
    }
}

// MARK: - Errors

extension YAMLComposer {
    private func checkTag(_ tag: Tag, _ expected: Tag.Name, at mark: Mark?) throws(Failure) {
        let name = tag.description
        guard name != Tag.Name.implicit.rawValue, name != expected.rawValue else { return }
        throw refusedTag(name, at: mark)
    }

    private func refusedTag(_ tag: String, at mark: Mark?) -> Failure {
        failure(mark?.line, "has the tag \(tag), which is not supported", "Remove the tag.")
    }

    private func badMerge(at mark: Mark?) -> Failure {
        failure(mark?.line, "merges something that is not a mapping", "Give `<<` the alias of a mapping.")
    }

    private func failure(_ line: Int?, _ reason: String, _ remedy: String) -> Failure {
        guard case .file = origin, let line else { return .configuration(place, reason, remedy: remedy) }
        return .configuration("\(place): line \(line)", reason, remedy: remedy)
    }

    private func failure(_ error: any Error) -> Failure {
        let remedy = "Check the indentation, colons, brackets and quotes there."
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let setting = context.map { "\($0.text), " } ?? ""
            return failure(mark.line, "is not YAML: \(setting)\(problem)", remedy)
        case .duplicatedKeysInMapping(let keys, let context):
            let names = keys.map { "\"\($0)\"" }.joined(separator: ", ")
            return failure(context.mark.line, "gives the key \(names) twice in one mapping", "Keep one of them.")
        case .reader(let problem, let offset, _, let yaml):
            let line = offset.map { yaml.prefix($0).count(where: \.isNewline) + 1 }
            return failure(line, "is not YAML: \(problem)", "Remove the unprintable character.")
        default:
            return failure(nil, "is not YAML: \(error)", remedy)
        }
    }
}
