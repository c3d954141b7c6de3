import Settings

/// One JSON value, kept as it stands in its file: numbers exactly, members in their order.
///
/// Foundation's reader drops duplicate names, takes `true` for 1 and reformats numbers; headers, configurations and
/// tokenizers that come from outside are read strictly instead, and written back unchanged where nothing was changed.
public enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    /// A whole number that fits `Int`; its text is what `Int` makes of it.
    case integer(Int)
    /// Any other number, by its own text: a fraction, an exponent, too many digits, or −0.
    case otherNumber(String)
    case string(JSONString)
    case array([JSONValue])
    /// Names are unique.
    case object([Member])

    public struct Member: Equatable, Sendable {
        public var name: JSONString
        public var value: JSONValue

        public init(name: JSONString, value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    public static func text(_ text: String) -> JSONValue { .string(JSONString(text)) }

    /// The value of a number without fraction and exponent that fits `Int`; nil for everything else, booleans too.
    public var wholeNumber: Int? {
        switch self {
        case .integer(let number): number
        case .otherNumber(let text): Int(text)
        default: nil
        }
    }

    /// The value of a number; infinite where the text exceeds a double; nil for everything else, booleans too.
    public var double: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .otherNumber(let text): Double(text)
        default: nil
        }
    }

    public var text: String? {
        guard case .string(let text) = self else { return nil }
        return text.string
    }

    public var elements: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    public var members: [Member]? {
        guard case .object(let members) = self else { return nil }
        return members
    }

    /// The member of an object; nil where there is none.
    public subscript(_ name: String) -> JSONValue? {
        members?.first { $0.name.matches(name) }?.value
    }

    /// Equal, numbers by their value: `1` and `1.0` are the same.
    public func means(_ other: JSONValue) -> Bool {
        if let mine = double, let theirs = other.double { return mine == theirs }
        return self == other
    }

    /// For one line of an error: the value itself.
    public var excerpt: String { compact.printable }

    /// For one line of an error: a scalar itself, and of a list or an object that it is one.
    public var kind: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let number): "\(number)"
        case .otherNumber(let text): text
        case .string(let text): "\"\(String(decoding: text.bytes.prefix(60), as: UTF8.self).printable)\""
        case .array: "a list"
        case .object: "an object"
        }
    }
}
