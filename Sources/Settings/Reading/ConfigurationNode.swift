/// A value of the configuration before it has a meaning: the text as written, and where it came from.
struct ConfigurationNode {
    enum Content {
        /// `isPlain`: written without quotes, so that `null`, `true` and numbers are not text.
        case scalar(text: String, isPlain: Bool)
        case list([ConfigurationNode])
        case mapping([Entry])
    }

    struct Entry {
        let key: String
        var value: ConfigurationNode
    }

    /// Who wrote a value: the file, or `--set` with this key path.
    enum Origin {
        case file
        case override(keyPath: String)

        /// How an error names the value at `keyPath`.
        func place(_ keyPath: String, file: String) -> String {
            switch self {
            case .file:
                return "\(file): \(keyPath)"
            case .override(let written):
                let isSame = written == keyPath || written.hasPrefix("\(keyPath).")
                return isSame ? "--set \(written)" : "--set \(written): \(keyPath)"
            }
        }
    }

    var content: Content
    var origin: Origin

    static func null(_ origin: Origin) -> ConfigurationNode {
        ConfigurationNode(content: .scalar(text: "", isPlain: true), origin: origin)
    }
}

extension ConfigurationNode {
    var isNull: Bool {
        guard case .scalar(let text, let isPlain) = content else { return false }
        return Scalar(text: text, isPlain: isPlain) == .null
    }

    /// The value as an error shows it: `"abc"`, `3`, `a list`.
    var shown: String {
        switch content {
        case .list: return "a list"
        case .mapping: return "a mapping"
        case .scalar(let text, let isPlain):
            switch Scalar(text: text, isPlain: isPlain) {
            case .null: return "null"
            case .boolean(let value): return "\(value)"
            case .number(let digits): return digits
            case .text(let text): return "\"\(text)\""
            }
        }
    }
}
