/// A value to write into a YAML file.
enum WrittenYAML {
    case null
    case boolean(Bool)
    case whole(Int)
    case number(Double)
    case text(String)
    /// YAML that is written unchanged.
    case plain(String)
    /// A list of scalars on one line.
    case list([WrittenYAML])
    case entries([Entry])
    /// A list of mappings, one below the other. Each mapping has at least one entry.
    case items([WrittenYAML])

    struct Entry {
        let key: String
        let value: WrittenYAML
    }

    static func mapping(_ entries: [(String, WrittenYAML)]) -> WrittenYAML {
        .entries(entries.map { Entry(key: $0.0, value: $0.1) })
    }

    /// The file's text. Reading it gives the same value for every scalar.
    var document: String { lines(indentation: "") }

    private func lines(indentation: String) -> String {
        let deeper = indentation + "  "
        switch self {
        case .entries(let entries):
            return entries.map { entry in
                let key = indentation + entry.key.asScalar
                return entry.value.isOnOneLine
                    ? "\(key): \(entry.value.scalar)\n" : "\(key):\n\(entry.value.lines(indentation: deeper))"
            }.joined()
        case .items(let items):
            return items.map { "\(indentation)- \($0.lines(indentation: deeper).dropFirst(deeper.count))" }.joined()
        default:
            return "\(indentation)\(scalar)\n"
        }
    }

    private var isOnOneLine: Bool {
        switch self {
        case .entries(let entries): entries.isEmpty
        case .items(let items): items.isEmpty
        default: true
        }
    }

    private var scalar: String {
        switch self {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .whole(let value): "\(value)"
        case .number(let value): WrittenYAML.digits(value)
        case .text(let text): text.asScalar
        case .plain(let text): text
        case .list(let items): "[\(items.map(\.scalar).joined(separator: ", "))]"
        case .entries: "{}"
        case .items: "[]"
        }
    }

    /// The shortest digits that give the same bits when read, with the point that YAML 1.1 readers need: `5.0e-07`.
    private static func digits(_ value: Double) -> String {
        let digits = "\(value)"
        guard let exponent = digits.firstIndex(of: "e"), !digits.contains(".") else { return digits }
        return "\(digits[..<exponent]).0\(digits[exponent...])"
    }
}

extension String {
    /// The text without quotes if every YAML reader reads it as text, otherwise in quotes.
    fileprivate var asScalar: String {
        let isBare = wholeMatch(of: /[A-Za-z\/][A-Za-z0-9_.\/-]*/) != nil
        let words: Set = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
        return isBare && !words.contains(lowercased()) ? self : quoted
    }
}
