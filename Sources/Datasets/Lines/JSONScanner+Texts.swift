import JSON
import Settings

extension JSONScanner {
    /// Skips any value, checks its form, and returns its position; nil for null.
    mutating func valueStart() throws(RecordError) -> Int? {
        let begin = position
        let isNull = peek() == UInt8(ascii: "n")
        try skipValue()
        return isNull ? nil : begin
    }

    // MARK: Texts

    /// A text with its escapes resolved.
    mutating func text(field: String) throws(RecordError) -> String {
        guard peek() == UInt8(ascii: "\"") else { throw RecordError("\(field) is \(valueName), not a text") }
        let raw = try string()
        guard raw.contains(UInt8(ascii: "\\")) else { return String(decoding: raw, as: UTF8.self) }
        do {
            return String(decoding: try JSONEscape.resolved(raw), as: UTF8.self)
        } catch {
            // The form of the escapes has been checked already, so only a surrogate can be wrong.
            throw RecordError("\(field) holds half of a surrogate pair, which is no character")
        }
    }

    // MARK: Ranges

    /// A list of [begin, end) pairs.
    mutating func spans(field: String) throws(RecordError) -> [Range<Int>] {
        let spans = try list(field: field, of: "[begin, end] pairs") { scanner throws(RecordError) in
            let ends = try scanner.list(field: field, of: "[begin, end] pairs") { inner throws(RecordError) in
                Int(try inner.tokenID(field: field))
            }
            guard let ends, ends.count == 2 else { throw RecordError("\(field) holds an entry that is no [begin, end] pair") }
            guard ends[0] <= ends[1] else { throw RecordError("\(field) holds [\(ends[0]), \(ends[1])]: its end comes first") }
            return ends[0]..<ends[1]
        }
        return spans ?? []
    }

    /// The kind of the next value, for an error.
    var valueName: String {
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
