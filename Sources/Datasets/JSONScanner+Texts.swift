import Settings
import Tokenization

/// A field that is either a text or a chat.
enum TextOrMessages {
    case text(String)
    case messages([ChatMessage])
}

extension JSONScanner {
    /// Passes any value, checking its form, and tells where it begins; nil for null.
    mutating func valueStart() throws(RecordError) -> Int? {
        let begin = position
        let isNull = peek() == UInt8(ascii: "n")
        try skipValue()
        return isNull ? nil : begin
    }

    // MARK: Texts

    /// A text, its escapes resolved.
    mutating func text(field: String) throws(RecordError) -> String {
        guard peek() == UInt8(ascii: "\"") else { throw RecordError("\(field) is \(valueName), not a text") }
        let raw = try string()
        guard raw.contains(UInt8(ascii: "\\")) else { return String(decoding: raw, as: UTF8.self) }
        var result: [UInt8] = []
        result.reserveCapacity(raw.count)
        var rest = raw
        while let escape = rest.firstIndex(of: UInt8(ascii: "\\")) {
            result += rest[..<escape]
            rest = rest[(escape + 1)...]
            try resolveEscape(&rest, into: &result, field: field)
        }
        result += rest
        return String(decoding: result, as: UTF8.self)
    }

    /// `rest` begins behind a backslash and is left behind the escape, whose form has been checked.
    private func resolveEscape(
        _ rest: inout ArraySlice<UInt8>, into result: inout [UInt8], field: String
    ) throws(RecordError) {
        switch rest.removeFirst() {
        case UInt8(ascii: "b"): result.append(0x08)
        case UInt8(ascii: "f"): result.append(0x0C)
        case UInt8(ascii: "n"): result.append(0x0A)
        case UInt8(ascii: "r"): result.append(0x0D)
        case UInt8(ascii: "t"): result.append(0x09)
        case UInt8(ascii: "u"):
            var value = hexadecimal(&rest)
            if 0xD800..<0xDC00 ~= value, rest.starts(with: #"\u"#.utf8) {
                rest.removeFirst(2)
                let low = hexadecimal(&rest)
                guard 0xDC00..<0xE000 ~= low else { throw halfPair(field) }
                value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(value) else { throw halfPair(field) }
            result += UTF8.encode(scalar)!
        case let byte: result.append(byte)
        }
    }

    private func hexadecimal(_ rest: inout ArraySlice<UInt8>) -> UInt32 {
        defer { rest.removeFirst(4) }
        return rest.prefix(4).reduce(0) { $0 << 4 + UInt32(Character(Unicode.Scalar($1)).hexDigitValue!) }
    }

    private func halfPair(_ field: String) -> RecordError {
        RecordError("\(field) holds half of a surrogate pair, which is no character")
    }

    // MARK: Chats

    mutating func textOrMessages(field: String) throws(RecordError) -> TextOrMessages {
        if peek() == UInt8(ascii: "[") { return .messages(try messages(field: field)) }
        guard peek() == UInt8(ascii: "\"") else {
            throw RecordError("\(field) is \(valueName), neither a text nor a list of messages")
        }
        return .text(try text(field: field))
    }

    /// A list of messages, at least one.
    mutating func messages(field: String) throws(RecordError) -> [ChatMessage] {
        guard peek() == UInt8(ascii: "[") else { throw RecordError("\(field) is \(valueName), not a list of messages") }
        var count = 0
        let messages = try list(field: field, of: "messages") { scanner throws(RecordError) in
            defer { count += 1 }
            return try scanner.message(field: "\(field)[\(count)]")
        }
        guard let messages, !messages.isEmpty else { throw RecordError("\(field) has no messages") }
        return messages
    }

    private mutating func message(field: String) throws(RecordError) -> ChatMessage {
        guard take("{") else { throw RecordError("\(field) is \(valueName), not a message with role and content") }
        var role: ChatRole?
        var content: String?
        var isFirst = true
        while let key = try nextKey(isFirst: isFirst) {
            isFirst = false
            switch key {
            case "role" where role == nil:
                let name = try text(field: "\(field).role")
                do throws(Failure) { role = try ChatRole.named(name, place: field) } catch {
                    throw RecordError("\(field): \(error.reason)", remedy: error.remedy)
                }
            case "content" where content == nil: content = try text(field: "\(field).content")
            case "role", "content": throw RecordError("\(field) has \(key) twice")
            default: try skipValue()
            }
        }
        guard let role else { throw RecordError("\(field) has no role") }
        guard let content else { throw RecordError("\(field) has no content") }
        return ChatMessage(role: role, content: content)
    }

    // MARK: Ranges

    /// A list of [begin, end) pairs.
    mutating func spans(field: String) throws(RecordError) -> [Range<Int>] {
        let spans = try list(field: field, of: "[begin, end] pairs") { scanner throws(RecordError) in
            let ends = try scanner.list(field: field, of: "[begin, end] pairs") { inner throws(RecordError) in
                Int(try inner.tokenID(field: field))
            }
            guard let ends, ends.count == 2 else { throw RecordError("\(field) holds something that is no [begin, end]") }
            guard ends[0] <= ends[1] else { throw RecordError("\(field) holds [\(ends[0]), \(ends[1])], which ends first") }
            return ends[0]..<ends[1]
        }
        return spans ?? []
    }

    /// What kind of value comes next, for an error.
    private var valueName: String {
        switch peek() {
        case UInt8(ascii: "\""): "a text"
        case UInt8(ascii: "["): "a list"
        case UInt8(ascii: "{"): "an object"
        case UInt8(ascii: "t"), UInt8(ascii: "f"): "true or false"
        case UInt8(ascii: "n"): "null"
        default: "a number"
        }
    }
}
