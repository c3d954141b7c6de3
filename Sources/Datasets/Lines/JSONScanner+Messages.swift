import Settings
import Tokenization

extension JSONScanner {
    /// - Parameter ignored: keys of messages that are ignored even if they have a meaning.
    mutating func textOrMessages(field: String, ignoring ignored: Set<String>) throws(RecordError) -> TextOrMessages {
        if peek() == UInt8(ascii: "[") { return .messages(try messages(field: field, ignoring: ignored)) }
        guard peek() == UInt8(ascii: "\"") else {
            throw RecordError("\(field) is \(valueName), neither a text nor a list of messages")
        }
        return .text(try text(field: field))
    }

    /// A list of at least one message.
    mutating func messages(field: String, ignoring ignored: Set<String>) throws(RecordError) -> [RecordMessage] {
        guard peek() == UInt8(ascii: "[") else { throw RecordError("\(field) is \(valueName), not a list of messages") }
        var count = 0
        let messages = try list(field: field, of: "messages") { scanner throws(RecordError) in
            defer { count += 1 }
            return try scanner.message(place: "\(field)[\(count)]", ignoring: ignored)
        }
        guard let messages, !messages.isEmpty else { throw RecordError("\(field) has no messages") }
        return messages
    }

    private mutating func message(place: String, ignoring ignored: Set<String>) throws(RecordError) -> RecordMessage {
        guard take("{") else { throw RecordError("\(place) is \(valueName), not a message with role and content") }
        var reader = MessageReader(place: place, ignored: ignored)
        var isFirst = true
        while let key = try nextKey(isFirst: isFirst) {
            isFirst = false
            try reader.read(key, self)
            try skipValue()
        }
        return try reader.message()
    }

    /// The text of a message: a text, or a list with one part that is a text.
    mutating func content(field: String) throws(RecordError) -> String {
        guard peek() == UInt8(ascii: "[") else { return try text(field: field) }
        let whole = self
        var count = 0
        let parts = try list(field: field, of: "parts") { scanner throws(RecordError) in
            defer { count += 1 }
            guard scanner.peek() == UInt8(ascii: "{") else { throw RecordError("\(field) is \(whole.valueName), not a text") }
            return try scanner.part(field: "\(field)[\(count)]")
        }
        guard let parts, parts.count == 1 else {
            throw RecordError(
                "\(field) has \(count) parts, and only one of text can be read",
                remedy: "Give one text: each template joins several texts in its own way.")
        }
        return parts[0]
    }

    /// `{"type": "text", "text": …}`.
    private mutating func part(field: String) throws(RecordError) -> String {
        _ = take("{")
        var (type, written): (String?, String?)
        var isFirst = true
        while let key = try nextKey(isFirst: isFirst) {
            isFirst = false
            switch key {
            case "type" where type == nil: type = try text(field: "\(field).type")
            case "text" where written == nil && peek() == UInt8(ascii: "\""): written = try text(field: "\(field).text")
            case "type": throw RecordError("\(field) has type twice")
            case "text" where written != nil: throw RecordError("\(field) has text twice")
            default: try skipValue()
            }
        }
        guard let type else { throw RecordError("\(field) has no type", remedy: "Give a text in place of the list of parts.") }
        guard type == "text" else {
            throw RecordError(
                "\(field) is of type \"\(type.printable)\", and models here read text only", remedy: "Leave the record out.")
        }
        guard let written else { throw RecordError("\(field) has no text") }
        return written
    }
}

/// Collects the keys of one message. An error of the content is reported last: a message with a tool call instead of content
/// must be refused for its tool call, not for missing content.
private struct MessageReader {
    let place: String
    let ignored: Set<String>
    private var role: ChatRole?
    private var content: Result<String, RecordError>?
    private var learning: RecordMessage.Learning?

    init(place: String, ignored: Set<String>) {
        self.place = place
        self.ignored = ignored
    }

    /// - Parameter scanner: stands before the key's value. The value's form has been checked.
    mutating func read(_ key: String, _ scanner: JSONScanner) throws(RecordError) {
        var scanner = scanner
        switch key {
        case "role" where role == nil:
            let name = try scanner.text(field: "\(place).role")
            do throws(Failure) { role = try ChatRole.named(name, place: place) } catch {
                throw RecordError("\(place): \(error.reason)", remedy: error.remedy)
            }
        case "content" where content == nil:
            content = Result { () throws(RecordError) in try scanner.content(field: "\(place).content") }
        case "role", "content": throw RecordError("\(place) has \(key) twice")
        case _ where ignored.contains(key): break
        case _ where MessageKey.refused.contains(key): try refuse(key, scanner)
        default:
            if let name = MessageKey.Learning(rawValue: key) { try read(name, scanner) }
        }
    }

    private func refuse(_ key: String, _ scanner: JSONScanner) throws(RecordError) {
        guard !scanner.holdsNothing, scanner.mark != false else { return }
        throw RecordError(
            "\(place) has \(key), which can't be prepared yet",
            remedy: "Leave the record out, or ignore the key: --ignore-field \(key).")
    }

    private mutating func read(_ name: MessageKey.Learning, _ scanner: JSONScanner) throws(RecordError) {
        guard !scanner.holdsNothing else { return }
        let key = "\(place).\(name.rawValue)"
        guard let mark = scanner.mark else {
            throw RecordError(
                "\(key) is \(scanner.written.printable), and only 0 and 1 can be prepared yet",
                remedy: "Give 0 or 1, or ignore the key: --ignore-field \(name.rawValue).")
        }
        let found = RecordMessage.Learning(
            key: key, written: scanner.written, isLearnt: name == .masked ? !mark : mark)
        if let learning, learning.isLearnt != found.isLearnt {
            throw RecordError(
                "\(learning.key) is \(learning.written) and \(key) is \(found.written), which contradict each other",
                remedy: "Leave one of them out.")
        }
        learning = learning ?? found
    }

    func message() throws(RecordError) -> RecordMessage {
        guard let role else { throw RecordError("\(place) has no role") }
        guard let content else { throw RecordError("\(place) has no content") }
        return RecordMessage(
            message: ChatMessage(role: role, content: try content.get()), place: place, learning: learning)
    }
}
