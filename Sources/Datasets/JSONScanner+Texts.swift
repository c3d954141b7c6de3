import JSON
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
        do {
            return String(decoding: try JSONEscape.resolved(raw), as: UTF8.self)
        } catch {
            // The escapes' form has been checked.
            throw RecordError("\(field) holds half of a surrogate pair, which is no character")
        }
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
