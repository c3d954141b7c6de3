/// One JSON value, kept as it stands in its file: numbers by their text, members in their order.
///
/// Foundation's reader drops duplicate names, takes `true` for 1 and reformats numbers; headers and configurations that
/// come from outside are read strictly instead, and written back unchanged where nothing was changed.
enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    /// The number's own text.
    case number(String)
    case string(String)
    case array([JSONValue])
    /// Names are unique.
    case object([Member])

    struct Member: Equatable, Sendable {
        var name: String
        var value: JSONValue
    }

    /// The value of a number without fraction and exponent that fits `Int`; nil for everything else, booleans too.
    var integer: Int? {
        guard case .number(let text) = self else { return nil }
        return Int(text)
    }

    /// The value of a number; infinite where the text exceeds a double; nil for everything else, booleans too.
    var double: Double? {
        guard case .number(let text) = self else { return nil }
        return Double(text)
    }

    var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    var elements: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    var members: [Member]? {
        guard case .object(let members) = self else { return nil }
        return members
    }

    /// The member of an object; nil where there is none.
    subscript(_ name: String) -> JSONValue? {
        members?.first { $0.name == name }?.value
    }

    /// Equal, numbers by their value: `1` and `1.0` are the same.
    func means(_ other: JSONValue) -> Bool {
        if let mine = double, let theirs = other.double { return mine == theirs }
        return self == other
    }

    /// For one line of an error.
    var excerpt: String { compact.printable }
}

extension JSONValue {
    /// On one line, without spaces.
    var compact: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .number(let text): text
        case .string(let text): JSONValue.quote(text)
        case .array(let elements): "[" + elements.map(\.compact).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { JSONValue.quote($0.name) + ":" + $0.value.compact }.joined(separator: ",") + "}"
        }
    }

    /// On lines indented by two spaces a level, as Hugging Face writes its files; no line break at the end.
    func indented(by margin: String = "") -> String {
        let inner = margin + "  "
        switch self {
        case .array(let elements) where !elements.isEmpty:
            return "[\n" + elements.map { inner + $0.indented(by: inner) }.joined(separator: ",\n") + "\n\(margin)]"
        case .object(let members) where !members.isEmpty:
            let lines = members.map { "\(inner)\(JSONValue.quote($0.name)): \($0.value.indented(by: inner))" }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(margin)}"
        default:
            return compact
        }
    }

    private static func quote(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

extension String {
    /// For one line of an error: control characters escaped, long texts cut.
    var printable: String {
        let limit = 120
        var result = ""
        for scalar in unicodeScalars.prefix(limit) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return unicodeScalars.count > limit ? result + "…" : result
    }
}

extension [Int] {
    /// A shape for one line of an error.
    var printable: String { description.printable }
}
