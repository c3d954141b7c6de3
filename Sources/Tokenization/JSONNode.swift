/// One JSON value of a tokenizer's files.
///
/// Texts are UTF-8 bytes: Swift compares `String`s by canonical equivalence, and a vocabulary is compared by bytes.
enum JSONNode {
    typealias Member = (name: ArraySlice<UInt8>, value: JSONNode)

    case null
    case bool(Bool)
    /// A whole number that fits `Int`.
    case integer(Int)
    /// Any other number, by its text.
    case fraction(String)
    case text(ArraySlice<UInt8>)
    case array([JSONNode])
    /// Names are unique.
    case object([Member])

    /// The text as a string; nil for everything else.
    var string: String? {
        guard case .text(let bytes) = self else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    var isNull: Bool {
        if case .null = self { return true }
        return false
    }

    /// The member of an object; nil where there is none.
    subscript(_ name: String) -> JSONNode? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name.elementsEqual(name.utf8) }?.value
    }

    /// What kind of value it is, for an error.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): "\(value)"
        case .fraction(let text): text
        case .text(let bytes): "\"\(String(decoding: bytes.prefix(60), as: UTF8.self).printable)\""
        case .array: "a list"
        case .object: "an object"
        }
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
