/// Escapes of a JSON text: what follows a backslash.
public enum JSONEscape {
    /// A text with its escapes resolved.
    ///
    /// - Parameter text: what stands between the quotes.
    /// - Throws: `JSONProblem` for an escape that is none, and for half of a surrogate pair, which is no character; its
    ///   offset counts from the text's beginning.
    public static func resolved(_ text: ArraySlice<UInt8>) throws(JSONProblem) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var rest = text
        while let escape = rest.firstIndex(of: UInt8(ascii: "\\")) {
            result += rest[..<escape]
            var position = escape + 1 - text.startIndex
            try resolve(in: text.span, at: &position, into: &result)
            rest = text[(text.startIndex + position)...]
        }
        result += rest
        return result
    }

    /// Appends what one escape stands for.
    ///
    /// - Parameter position: behind the backslash; left behind the escape.
    static func resolve(in bytes: Span<UInt8>, at position: inout Int, into result: inout [UInt8]) throws(JSONProblem) {
        guard position < bytes.count else { throw JSONProblem(reason: "it ends too early", offset: position) }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(byte)
        case UInt8(ascii: "b"): result.append(0x08)
        case UInt8(ascii: "f"): result.append(0x0C)
        case UInt8(ascii: "n"): result.append(0x0A)
        case UInt8(ascii: "r"): result.append(0x0D)
        case UInt8(ascii: "t"): result.append(0x09)
        case UInt8(ascii: "u"): result += UTF8.encode(try character(in: bytes, at: &position))!
        default: throw JSONProblem(reason: "an unknown escape in a string", offset: position)
        }
    }

    /// The character of a `\u`, whose digits begin at `position`, or of a pair of them.
    private static func character(
        in bytes: Span<UInt8>, at position: inout Int
    ) throws(JSONProblem) -> Unicode.Scalar {
        let first = try hexadecimal(in: bytes, at: &position)
        if let scalar = Unicode.Scalar(first) { return scalar }
        // Half of a pair of surrogates: the other half must follow.
        guard first < 0xDC00, take("\\", in: bytes, at: &position), take("u", in: bytes, at: &position) else {
            throw JSONProblem(reason: "half a surrogate pair", offset: position)
        }
        let second = try hexadecimal(in: bytes, at: &position)
        guard 0xDC00..<0xE000 ~= second,
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw JSONProblem(reason: "half a surrogate pair", offset: position) }
        return scalar
    }

    private static func take(_ character: Unicode.Scalar, in bytes: Span<UInt8>, at position: inout Int) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private static func hexadecimal(in bytes: Span<UInt8>, at position: inout Int) throws(JSONProblem) -> UInt32 {
        guard position + 4 <= bytes.count else { throw JSONProblem(reason: "it ends too early", offset: position) }
        var code: UInt32 = 0
        for index in position..<(position + 4) {
            guard let digit = digit(bytes[index]) else {
                throw JSONProblem(reason: "a wrong \\u escape", offset: position)
            }
            code = code << 4 | digit
        }
        position += 4
        return code
    }

    private static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }
}
