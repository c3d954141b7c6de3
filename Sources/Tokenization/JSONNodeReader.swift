/// A strict JSON reader (RFC 8259) for files of some megabytes whose texts matter byte for byte.
///
/// A text without escapes is a slice of the file, so a vocabulary costs no allocation for each token.
struct JSONNodeReader {
    /// What is wrong, and at which byte.
    struct Problem: Error {
        let reason: String
        let offset: Int
    }

    private static let deepest = 64

    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0

    /// The one value that `bytes` hold.
    static func read(_ bytes: [UInt8]) throws(Problem) -> JSONNode {
        do {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            throw Problem(reason: "is not valid UTF-8", offset: error.byteOffsets.lowerBound)
        }
        var reader = JSONNodeReader(bytes: bytes)
        reader.skipSpace()
        let node = try reader.value()
        reader.skipSpace()
        guard reader.position == bytes.count else { throw reader.problem("something follows the value") }
        return node
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private func problem(_ reason: String) -> Problem { Problem(reason: reason, offset: position) }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while position < bytes.count, bytes[position] <= 0x20, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[position]) {
            position += 1
        }
    }

    private mutating func take(_ wanted: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: wanted) else { return false }
        position += 1
        return true
    }

    private mutating func value() throws(Problem) -> JSONNode {
        switch next {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .text(try text())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case .some: return try number()
        case nil: throw problem("the file ends early")
        }
    }

    private mutating func literal(_ word: StaticString, _ node: JSONNode) throws(Problem) -> JSONNode {
        let end = position + word.utf8CodeUnitCount
        guard end <= bytes.count, bytes[position..<end].elementsEqual("\(word)".utf8) else {
            throw problem("an unknown word stands here")
        }
        position = end
        return node
    }

    // MARK: Containers

    private mutating func enter() throws(Problem) {
        depth += 1
        guard depth <= JSONNodeReader.deepest else { throw problem("values are nested too deep") }
        position += 1
        skipSpace()
    }

    private mutating func array() throws(Problem) -> JSONNode {
        try enter()
        defer { depth -= 1 }
        var elements: [JSONNode] = []
        if take("]") { return .array(elements) }
        while true {
            elements.append(try value())
            skipSpace()
            if take("]") { return .array(elements) }
            guard take(",") else {
                throw problem(next == nil ? "the file ends early" : "a comma is missing in a list")
            }
            skipSpace()
        }
    }

    private mutating func object() throws(Problem) -> JSONNode {
        try enter()
        defer { depth -= 1 }
        var members: [JSONNode.Member] = []
        var names = Set<ArraySlice<UInt8>>()
        if take("}") { return .object(members) }
        while true {
            guard next == UInt8(ascii: "\"") else {
                throw problem(next == nil ? "the file ends early" : "a name is missing in an object")
            }
            let name = try text()
            guard names.insert(name).inserted else {
                throw problem("the name \"\(String(decoding: name, as: UTF8.self).printable)\" stands twice")
            }
            skipSpace()
            guard take(":") else { throw problem(next == nil ? "the file ends early" : "a colon is missing") }
            skipSpace()
            members.append((name, try value()))
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else {
                throw problem(next == nil ? "the file ends early" : "a comma is missing in an object")
            }
            skipSpace()
        }
    }

    // MARK: Scalars

    private mutating func text() throws(Problem) -> ArraySlice<UInt8> {
        position += 1
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position += 1
                return bytes[start..<(position - 1)]
            case UInt8(ascii: "\\"): return try escapedText(from: start)
            case 0..<0x20: throw problem("a control character stands in a text")
            default: position += 1
            }
        }
        throw problem("the file ends early")
    }

    /// The rest of a text whose first escape has been reached.
    private mutating func escapedText(from start: Int) throws(Problem) -> ArraySlice<UInt8> {
        var result = Array(bytes[start..<position])
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return result[...]
            case UInt8(ascii: "\\"): try escape(into: &result)
            case 0..<0x20: throw problem("a control character stands in a text")
            default: result.append(byte)
            }
        }
        throw problem("the file ends early")
    }

    private mutating func escape(into result: inout [UInt8]) throws(Problem) {
        guard let byte = next else { throw problem("the file ends early") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(byte)
        case UInt8(ascii: "b"): result.append(0x08)
        case UInt8(ascii: "f"): result.append(0x0c)
        case UInt8(ascii: "n"): result.append(0x0a)
        case UInt8(ascii: "r"): result.append(0x0d)
        case UInt8(ascii: "t"): result.append(0x09)
        case UInt8(ascii: "u"):
            var value = try hexadecimal()
            if 0xd800..<0xdc00 ~= value {
                guard take("\\"), take("u") else { throw problem("half of a surrogate pair stands in a text") }
                let low = try hexadecimal()
                guard 0xdc00..<0xe000 ~= low else { throw problem("half of a surrogate pair stands in a text") }
                value = 0x10000 + (value - 0xd800) << 10 + (low - 0xdc00)
            }
            guard let scalar = Unicode.Scalar(value) else {
                throw problem("half of a surrogate pair stands in a text")
            }
            result.append(contentsOf: UTF8.encode(scalar)!)
        default: throw problem("an unknown escape stands in a text")
        }
    }

    private mutating func hexadecimal() throws(Problem) -> UInt32 {
        guard position + 4 <= bytes.count else { throw problem("the file ends early") }
        var value: UInt32 = 0
        for byte in bytes[position..<(position + 4)] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw problem("an escape \\u is not followed by four hexadecimal digits")
            }
            value = value << 4 + UInt32(digit)
        }
        position += 4
        return value
    }

    private mutating func number() throws(Problem) -> JSONNode {
        let start = position
        _ = take("-")
        let digits = position
        while let byte = next, 0x30...0x39 ~= byte { position += 1 }
        guard position > digits, position == digits + 1 || bytes[digits] != 0x30 else {
            throw problem("neither a value nor a number")
        }
        let isWhole = ![UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(next ?? 0)
        while let byte = next, isNumberByte(byte) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = Int(text) { return .integer(value) }
        guard Double(text) != nil else { throw problem("'\(text.printable)' is not a number") }
        return .fraction(text)
    }

    private func isNumberByte(_ byte: UInt8) -> Bool {
        0x30...0x39 ~= byte || [0x2b, 0x2d, 0x2e, 0x45, 0x65].contains(byte)
    }
}
