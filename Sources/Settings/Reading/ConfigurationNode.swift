/// A value of the configuration before it is interpreted: the text as written, and its origin.
struct ConfigurationNode {
    enum Content {
        /// `isPlain` is true for text without quotes: only then `null`, `true` and numbers are not text.
        case scalar(text: String, isPlain: Bool)
        case list([ConfigurationNode])
        case mapping([Entry])
    }

    struct Entry {
        let key: String
        var value: ConfigurationNode
    }

    /// Where a value was written: in the file, or by `--set` with this key path.
    enum Origin {
        case file
        case override(keyPath: String)

        /// The name of the value at `keyPath` in an error.
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

    /// The value for an error: `"abc"`, `3`, `a list`.
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
