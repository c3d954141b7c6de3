import Settings

extension JSONValue {
    /// The one value that `bytes` hold, read strictly (RFC 8259): UTF-8, no duplicate names, no byte left over, at most
    /// 64 levels of nesting. How many bytes there may be is for the caller to say, before they are read.
    ///
    /// - Throws: `JSONProblem`: what is wrong, and the byte at which the text stops being JSON.
    public init(parsing bytes: [UInt8]) throws(JSONProblem) {
        self = try JSONParser.parse(bytes)
    }
}

struct JSONParser {
    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0

    /// Deeper nesting than any header, configuration or tokenizer has; bounds the recursion.
    private static let depthLimit = 64
    /// Up to so many names are compared with one another; more are looked up.
    private static let fewNames = 8
    /// So many digits never exceed `Int`.
    private static let safeDigitCount = 18

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    static func parse(_ bytes: [UInt8]) throws(JSONProblem) -> JSONValue {
        guard bytes.count <= Int(UInt32.max) else {
            throw JSONProblem(reason: "more than 4 GiB", offset: Int(UInt32.max))
        }
        do {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            throw JSONProblem(reason: "bytes that are not UTF-8", offset: error.byteOffsets.lowerBound)
        }
        var parser = JSONParser(bytes)
        parser.skipSpace()
        let value = try parser.value()
        parser.skipSpace()
        guard parser.position == bytes.count else { throw parser.problem("text after the end") }
        return value
    }

    private func problem(_ reason: String) -> JSONProblem { JSONProblem(reason: reason, offset: position) }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func value() throws(JSONProblem) -> JSONValue {
        switch next {
        case UInt8(ascii: "{"): return .object(try members())
        case UInt8(ascii: "["): return .array(try elements())
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case nil: throw problem("it ends too early")
        default: return try number()
        }
    }

    // MARK: Lists and objects

    /// Passes an opening bracket.
    private mutating func enter() throws(JSONProblem) {
        depth += 1
        guard depth <= JSONParser.depthLimit else {
            throw problem("more than \(JSONParser.depthLimit) levels of nesting")
        }
        position += 1
        skipSpace()
    }

    private mutating func elements() throws(JSONProblem) -> [JSONValue] {
        try enter()
        defer { depth -= 1 }
        var elements: [JSONValue] = []
        if take("]") { return elements }
        while true {
            elements.append(try value())
            skipSpace()
            if take("]") { return elements }
            guard take(",") else { throw problem(next == nil ? "it ends too early" : "a comma or ] is missing") }
            skipSpace()
        }
    }

    private mutating func members() throws(JSONProblem) -> [JSONValue.Member] {
        try enter()
        defer { depth -= 1 }
        var members: [JSONValue.Member] = []
        var names: Set<JSONString> = []
        if take("}") { return members }
        while true {
            guard next == UInt8(ascii: "\"") else { throw problem("a name in quotes is missing") }
            let name = try string()
            if members.count == JSONParser.fewNames { names = Set(members.map(\.name)) }
            let isNew =
                members.count < JSONParser.fewNames
                ? !members.contains { $0.name == name } : names.insert(name).inserted
            guard isNew else { throw problem("the name \"\(name.string.printable)\" occurs twice") }
            skipSpace()
            guard take(":") else { throw problem("a colon is missing") }
            skipSpace()
            members.append(JSONValue.Member(name: name, value: try value()))
            skipSpace()
            if take("}") { return members }
            guard take(",") else { throw problem(next == nil ? "it ends too early" : "a comma or } is missing") }
            skipSpace()
        }
    }

    // MARK: Scalars

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONProblem) -> JSONValue {
        let matches = text.withUTF8Buffer { bytes[position...].starts(with: $0) }
        guard matches else { throw problem("an unexpected character") }
        position += text.utf8CodeUnitCount
        return value
    }

    /// number = [ "-" ] ( "0" | digit 1-9 *digit ) [ "." 1*digit ] [ ("e" | "E") ["+" | "-"] 1*digit ]
    private mutating func number() throws(JSONProblem) -> JSONValue {
        let start = position
        let isNegative = take("-")
        guard let first = next, JSONParser.isDigit(first) else {
            throw problem(isNegative ? "a digit is missing" : "an unexpected character")
        }
        let digits = position
        var magnitude = 0
        if !take("0") { magnitude = try self.digits() }
        let digitCount = position - digits
        var isWhole = true
        if take(".") {
            isWhole = false
            _ = try self.digits()
        }
        if take("e") || take("E") {
            isWhole = false
            if !take("+") { _ = take("-") }
            _ = try self.digits()
        }
        // −0 would lose its sign.
        if isWhole, digitCount <= JSONParser.safeDigitCount, !isNegative || magnitude > 0 {
            return .integer(isNegative ? -magnitude : magnitude)
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, digitCount > JSONParser.safeDigitCount, let number = Int(text) { return .integer(number) }
        return .otherNumber(text)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    /// Passes digits, at least one.
    ///
    /// - Returns: their number; anything where they are more than `safeDigitCount`.
    private mutating func digits() throws(JSONProblem) -> Int {
        let start = position
        var number = 0
        while let byte = next, JSONParser.isDigit(byte) {
            number = number &* 10 &+ Int(byte - UInt8(ascii: "0"))
            position += 1
        }
        guard position > start else { throw problem("a digit is missing") }
        return number
    }

    private mutating func string() throws(JSONProblem) -> JSONString {
        position += 1
        var resolved: [UInt8]?
        while true {
            let start = position
            position = plainEnd()
            switch next {
            case UInt8(ascii: "\""):
                position += 1
                guard let beginning = resolved else { return JSONString(bytes, start..<(position - 1)) }
                return JSONString(beginning + bytes[start..<(position - 1)])
            case UInt8(ascii: "\\"):
                var beginning = resolved.take() ?? []
                beginning += bytes[start..<position]
                var behind = position + 1
                try JSONEscape.resolve(in: bytes.span, at: &behind, into: &beginning)
                position = behind
                resolved = beginning
            case nil: throw problem("it ends too early")
            default: throw problem("a control character in a string")
            }
        }
    }

    /// Where the characters from here on end that stand for themselves.
    private func plainEnd() -> Int {
        let bytes = bytes.span
        var index = position
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { break }
            index += 1
        }
        return index
    }
}
