/// Reading single characters of valid UTF-8.
enum UTF8Reading {
    /// The character that begins at `position`, and its length in bytes.
    static func scalar(at position: Int, in text: Span<UInt8>) -> (scalar: Unicode.Scalar, length: Int) {
        let lead = UInt32(text[position])
        let length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
        var value = length == 1 ? lead : lead & (0x7f >> UInt32(length))
        for offset in 1..<max(length, 1) { value = value << 6 | UInt32(text[position + offset] & 0x3f) }
        return (Unicode.Scalar(value)!, length)
    }

    /// The character that ends before `position`, and its length in bytes.
    static func scalar(before position: Int, in text: Span<UInt8>) -> (scalar: Unicode.Scalar, length: Int) {
        var start = position - 1
        while text[start] & 0xc0 == 0x80 { start -= 1 }
        return scalar(at: start, in: text)
    }
}
