/// The characters for bytes in byte-level vocabularies (GPT-2). A printable byte of Latin-1 is written as itself; the other 68
/// bytes are written as the characters from U+0100 on, in order.
enum ByteAlphabet {
    /// The character of each byte.
    static let scalars: [Unicode.Scalar] = {
        var next: UInt32 = 0x100
        return (0..<256).map { byte in
            switch byte {
            case 0x21...0x7e, 0xa1...0xac, 0xae...0xff: return Unicode.Scalar(UInt8(byte))
            default:
                defer { next += 1 }
                return Unicode.Scalar(next)!
            }
        }
    }()

    /// The byte of each character below U+0144; nil if the character stands for no byte.
    private static let bytes: [UInt8?] = {
        var bytes = [UInt8?](repeating: nil, count: 0x144)
        for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar.value)] = UInt8(byte) }
        return bytes
    }()

    /// The bytes that `token` (UTF-8) stands for; nil if a character is not in the alphabet.
    static func bytes(of token: ArraySlice<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(token.count)
        var position = token.startIndex
        while position < token.endIndex {
            let lead = token[position]
            // The alphabet ends at U+0143, so a character has one or two bytes.
            let value: Int
            if lead < 0x80 {
                value = Int(lead)
                position += 1
            } else if lead < 0xe0, position + 1 < token.endIndex {
                value = Int(lead & 0x1f) << 6 | Int(token[position + 1] & 0x3f)
                position += 2
            } else {
                return nil
            }
            guard value < bytes.count, let byte = bytes[value] else { return nil }
            result.append(byte)
        }
        return result
    }
}
