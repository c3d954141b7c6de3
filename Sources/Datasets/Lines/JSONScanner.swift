/// A strict JSON reader (RFC 8259) for one record. It keeps the requested values and skips all others.
///
/// Foundation's reader accepts 1.0 and true as whole numbers, and allocates an object for every id. Here an id has digits only.
struct JSONScanner {
    let bytes: ArraySlice<UInt8>
    private(set) var position: Int
    private let start: Int

    /// - Parameter position: where reading begins; nil for the beginning of `bytes`. Byte numbers in errors always count from
    ///   the beginning of `bytes`.
    init(_ bytes: ArraySlice<UInt8>, at position: Int? = nil) {
        self.bytes = bytes
        start = bytes.startIndex
        self.position = position ?? bytes.startIndex
    }

    /// U+FEFF in UTF-8: some programs put it at the beginning of a file.
    static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    func checkEncoding() throws(RecordError) {
        guard bytes.contains(where: { $0 >= 0x80 }) else { return }
        guard String(validating: bytes, as: UTF8.self) != nil else { throw RecordError("is not valid UTF-8") }
    }

    // MARK: The record

    /// Skips the opening brace of the record.
    mutating func open(_ brace: Unicode.Scalar) throws(RecordError) {
        skipSpace()
        guard let byte = peek() else {
            throw RecordError("the line is empty", remedy: "Give one record a line, without blank lines.")
        }
        guard !bytes[position...].starts(with: JSONScanner.byteOrderMark) else {
            throw RecordError(
                "begins with a byte order mark (U+FEFF), and so is not a JSON object",
                remedy: "Remove the mark: it is allowed only at the beginning of a file.")
        }
        guard byte == UInt8(ascii: brace) else {
            throw RecordError("is not a JSON object", remedy: "Give one JSON object a line.")
        }
        position += 1
    }

    /// Reads the next key of the record and its colon; nil after the closing brace.
    mutating func nextKey(isFirst: Bool) throws(RecordError) -> String? {
        skipSpace()
        if take("}") { return nil }
        if !isFirst {
            guard take(",") else { throw malformed("a comma or a closing brace is missing") }
            skipSpace()
        }
        let key = try string()
        skipSpace()
        guard take(":") else { throw malformed("a colon is missing") }
        skipSpace()
        return String(decoding: key, as: UTF8.self)
    }

    /// Checks that only white space follows the record.
    mutating func finish() throws(RecordError) {
        skipSpace()
        guard peek() == nil else { throw malformed("something follows the object") }
    }

    // MARK: Lists

    /// A list of token ids, or nil for null.
    mutating func tokenIDs(field: String) throws(RecordError) -> [Int32]? {
        try list(field: field, of: "token ids") { scanner throws(RecordError) in try scanner.tokenID(field: field) }
    }

    /// A list of 0, 1, false and true, or nil for null.
    mutating func marks(field: String) throws(RecordError) -> [Bool]? {
        try list(field: field, of: "zeros and ones") { scanner throws(RecordError) in
            if scanner.peek() == UInt8(ascii: "t") || scanner.peek() == UInt8(ascii: "f") {
                return try scanner.literal() == "true"
            }
            let value = try scanner.tokenID(field: field)
            guard value <= 1 else { throw RecordError("\(field) holds \(value), not 0 or 1") }
            return value == 1
        }
    }

    /// A list of token ids and −100, or nil for null.
    mutating func labels(field: String) throws(RecordError) -> [Int32]? {
        try list(field: field, of: "token ids and −100") { scanner throws(RecordError) in
            guard scanner.peek() == UInt8(ascii: "-"), scanner.number == Double(RecordFields.ignoredLabel) else {
                return try scanner.tokenID(field: field)
            }
            try scanner.skipValue()
            return RecordFields.ignoredLabel
        }
    }

    mutating func list<Element>(
        field: String, of what: String, _ element: (inout JSONScanner) throws(RecordError) -> Element
    ) throws(RecordError) -> [Element]? {
        if peek() == UInt8(ascii: "n") {
            _ = try literal()
            return nil
        }
        guard take("[") else { throw RecordError("\(field) is not a list of \(what)") }
        var values: [Element] = []
        skipSpace()
        if take("]") { return values }
        while true {
            skipSpace()
            values.append(try element(&self))
            skipSpace()
            if take("]") { return values }
            guard take(",") else { throw malformed("a comma or a closing bracket is missing") }
        }
    }

    mutating func tokenID(field: String) throws(RecordError) -> Int32 {
        let begin = position
        guard let first = peek() else { throw malformed("the line ends within a list") }
        guard first == UInt8(ascii: "-") || isDigit(first) else {
            throw RecordError("\(field) holds something that is not a whole number, at byte \(column)")
        }
        try skipNumber()
        let digits = bytes[begin..<position]
        guard first != UInt8(ascii: "-") else {
            throw RecordError("\(field) holds \(String(decoding: digits, as: UTF8.self)), a negative number")
        }
        var value: Int64 = 0
        for digit in digits {
            guard isDigit(digit) else {
                throw RecordError("\(field) holds \(String(decoding: digits, as: UTF8.self)), not a whole number")
            }
            value = value * 10 + Int64(digit - UInt8(ascii: "0"))
            guard value <= Int64(Int32.max) else {
                throw RecordError("\(field) holds \(String(decoding: digits, as: UTF8.self)), above \(Int32.max)")
            }
        }
        return Int32(value)
    }

    // MARK: Skipped values

    /// Skips any value and checks its form.
    mutating func skipValue() throws(RecordError) { try skipValue(depth: 0) }

    private mutating func skipValue(depth: Int) throws(RecordError) {
        guard depth < 256 else { throw RecordError("is nested more than 256 levels deep") }
        guard let byte = peek() else { throw malformed("the line ends within the object") }
        switch byte {
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "{"):
            position += 1
            var isFirst = true
            while try nextKey(isFirst: isFirst) != nil {
                isFirst = false
                try skipValue(depth: depth + 1)
            }
        case UInt8(ascii: "["):
            position += 1
            skipSpace()
            if take("]") { return }
            repeat {
                skipSpace()
                try skipValue(depth: depth + 1)
                skipSpace()
            } while take(",")
            guard take("]") else { throw malformed("a comma or a closing bracket is missing") }
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): _ = try literal()
        default: try skipNumber()
        }
    }

    /// The bytes between the quotes, with escapes unresolved.
    mutating func string() throws(RecordError) -> ArraySlice<UInt8> {
        guard take("\"") else { throw malformed("a quoted name is missing") }
        let begin = position
        while let byte = peek() {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return bytes[begin..<(position - 1)]
            case UInt8(ascii: "\\"): try skipEscape()
            case 0..<0x20: throw malformed("a control character in a text")
            default: break
            }
        }
        throw malformed("a text is not closed")
    }

    private mutating func skipEscape() throws(RecordError) {
        guard let byte = peek() else { throw malformed("a text is not closed") }
        position += 1
        if byte == UInt8(ascii: "u") {
            for _ in 0..<4 {
                guard let digit = peek(), Unicode.Scalar(digit).properties.isASCIIHexDigit else {
                    throw malformed("a bad \\u escape")
                }
                position += 1
            }
        } else if !"\"\\/bfnrt".utf8.contains(byte) {
            throw malformed("a bad escape")
        }
    }

    mutating func literal() throws(RecordError) -> String {
        for word in ["true", "false", "null"] where bytes[position...].starts(with: word.utf8) {
            position += word.utf8.count
            return word
        }
        throw malformed("an unknown word")
    }

    /// number = [ "-" ] ( "0" | digit 1-9 *digit ) [ "." 1*digit ] [ ("e" | "E") ["+" | "-"] 1*digit ]
    private mutating func skipNumber() throws(RecordError) {
        _ = take("-")
        if !take("0") { try skipDigits() }
        if take(".") { try skipDigits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try skipDigits()
        }
        if let next = peek(), isDigit(next) { throw malformed("a number starts with 0") }
    }

    private mutating func skipDigits() throws(RecordError) {
        let begin = position
        while let byte = peek(), isDigit(byte) { position += 1 }
        guard position > begin else { throw malformed("a value is missing or not known") }
    }

    // MARK: Bytes

    private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    func peek() -> UInt8? { position < bytes.endIndex ? bytes[position] : nil }

    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: scalar) else { return false }
        position += 1
        return true
    }

    mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A { position += 1 }
    }

    /// The byte's number in the line, from 1.
    private var column: Int { position - start + 1 }

    func malformed(_ what: String) -> RecordError {
        RecordError("malformed JSON at byte \(column): \(what)")
    }
}
