extension ConfigurationNode {
    /// Applies one `--set key.path=value`. A number in the path picks an entry of a list.
    ///
    /// Missing mappings are created, so that a key of an absent section can be set. Unknown keys are refused later, when the
    /// sections are read.
    mutating func apply(override written: String) throws(Failure) {
        guard let equals = written.firstIndex(of: "="), equals > written.startIndex else {
            throw Failure(
                "--set \(written)", "is not key.path=value",
                remedy: "Write for example --set optimizer.learning_rate=1e-6.", exitCode: .usage)
        }
        let keyPath = String(written[..<equals])
        let place = "--set \(keyPath)"
        let origin = Origin.override(keyPath: keyPath)
        let components = keyPath.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard !components.contains("") else {
            throw Failure(
                place, "has an empty part between dots",
                remedy: "Write the key's path as section.key.", exitCode: .usage)
        }
        let yaml = String(written[written.index(after: equals)...])
        let value = try YAMLComposer.compose(yaml, place: place, origin: origin)
        try set(components[...], to: value ?? .null(origin), place: place, origin: origin)
    }

    private mutating func set(
        _ components: ArraySlice<String>, to value: ConfigurationNode, place: String, origin: Origin
    ) throws(Failure) {
        guard let key = components.first else {
            self = value
            return
        }
        if isNull { self = ConfigurationNode(content: .mapping([]), origin: origin) }
        switch content {
        case .mapping(var entries):
            let index = entries.firstIndex { $0.key == key } ?? entries.count
            if index == entries.count { entries.append(Entry(key: key, value: .null(origin))) }
            try entries[index].value.set(components.dropFirst(), to: value, place: place, origin: origin)
            content = .mapping(entries)
        case .list(var items):
            guard let index = Int(key), items.indices.contains(index) else {
                throw .configuration(
                    place, "\"\(key)\" picks no entry of a list of \(items.count)",
                    remedy: "Count entries from 0.")
            }
            try items[index].set(components.dropFirst(), to: value, place: place, origin: origin)
            content = .list(items)
        case .scalar:
            throw .configuration(
                place, "\"\(key)\" can't be a key of \(shown)",
                remedy: "Set the key above it to a mapping, or remove this override.")
        }
    }
}
