import Settings

/// A strict reader of JSON (RFC 8259): one value, UTF-8, no duplicate names, no byte left over.
struct JSONParser {
    private let bytes: [UInt8]
    private let place: String
    private var position = 0
    private var depth = 0

    /// Deeper nesting than any header or configuration has; bounds the recursion.
    private static let depthLimit = 64
    private static let digits = UInt8(ascii: "0")...UInt8(ascii: "9")

    private init(_ bytes: [UInt8], place: String) {
        self.bytes = bytes
        self.place = place
    }

    /// - Throws: `Failure` (damaged data) naming `place` and the byte at which the text stops being JSON.
    static func parse(_ bytes: [UInt8], place: String) throws(Failure) -> JSONValue {
        var parser = JSONParser(bytes, place: place)
        let value = try parser.value()
        parser.skipSpace()
        guard parser.position == bytes.count else { throw parser.problem("text after the end") }
        return value
    }

    private func problem(_ reason: String) -> Failure {
        .damaged(
            place, "is not valid JSON: \(reason) at byte \(position)",
            remedy: "Download or export it again, or mend the JSON.")
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func value() throws(Failure) -> JSONValue {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try nested { (parser) throws(Failure) in try parser.object() }
        case UInt8(ascii: "["): return try nested { (parser) throws(Failure) in try parser.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case nil: throw problem("it ends too early")
        default: return try number()
        }
    }

    private mutating func nested(
        _ read: (inout JSONParser) throws(Failure) -> JSONValue
    ) throws(Failure) -> JSONValue {
        depth += 1
        guard depth <= JSONParser.depthLimit else {
            throw problem("more than \(JSONParser.depthLimit) levels of nesting")
        }
        position += 1
        let value = try read(&self)
        depth -= 1
        return value
    }

    private mutating func object() throws(Failure) -> JSONValue {
        var members: [JSONValue.Member] = []
        var names: Set<String> = []
        skipSpace()
        if take("}") { return .object([]) }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw problem("a name in quotes is missing") }
            let name = try string()
            guard names.insert(name).inserted else { throw problem("the name \"\(name.printable)\" occurs twice") }
            skipSpace()
            guard take(":") else { throw problem("a colon is missing") }
            members.append(JSONValue.Member(name: name, value: try value()))
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else { throw problem(next == nil ? "it ends too early" : "a comma or } is missing") }
        }
    }

    private mutating func array() throws(Failure) -> JSONValue {
        var elements: [JSONValue] = []
        skipSpace()
        if take("]") { return .array([]) }
        while true {
            elements.append(try value())
            skipSpace()
            if take("]") { return .array(elements) }
            guard take(",") else { throw problem(next == nil ? "it ends too early" : "a comma or ] is missing") }
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(Failure) -> JSONValue {
        let matches = text.withUTF8Buffer { bytes[position...].starts(with: $0) }
        guard matches else { throw problem("an unexpected character") }
        position += text.utf8CodeUnitCount
        return value
    }

    private mutating func digits() throws(Failure) {
        let start = position
        while let byte = next, JSONParser.digits.contains(byte) { position += 1 }
        guard position > start else { throw problem("a digit is missing") }
    }

    private mutating func number() throws(Failure) -> JSONValue {
        let start = position
        let isNegative = take("-")
        guard let first = next, JSONParser.digits.contains(first) else {
            throw problem(isNegative ? "a digit is missing" : "an unexpected character")
        }
        if !take("0") { try digits() }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits()
        }
        return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private mutating func string() throws(Failure) -> String {
        position += 1
        let start = position
        var unescaped: [UInt8]?
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                let content = unescaped ?? Array(bytes[start..<position])
                guard let text = String(validating: content, as: UTF8.self) else {
                    throw problem("a string that is not UTF-8")
                }
                position += 1
                return text
            case UInt8(ascii: "\\"):
                var content = unescaped ?? Array(bytes[start..<position])
                content.append(contentsOf: try escape().utf8)
                unescaped = content
            case 0..<0x20:
                throw problem("a control character in a string")
            default:
                unescaped?.append(byte)
                position += 1
            }
        }
        throw problem("it ends too early")
    }

    private mutating func escape() throws(Failure) -> String {
        position += 1
        guard let byte = next else { throw problem("it ends too early") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let first = try hexadecimal()
            if let scalar = Unicode.Scalar(first) { return String(scalar) }
            // Half of a pair of surrogates: the other half must follow.
            guard first < 0xDC00, take("\\"), take("u") else { throw problem("half a surrogate pair") }
            let second = try hexadecimal()
            guard (0xDC00..<0xE000).contains(second),
                let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
            else { throw problem("half a surrogate pair") }
            return String(scalar)
        default: throw problem("an unknown escape in a string")
        }
    }

    private mutating func hexadecimal() throws(Failure) -> UInt32 {
        guard position + 4 <= bytes.count else { throw problem("it ends too early") }
        var code: UInt32 = 0
        for byte in bytes[position..<position + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { throw problem("a wrong \\u escape") }
            code = code << 4 | UInt32(digit)
        }
        position += 4
        return code
    }
}
