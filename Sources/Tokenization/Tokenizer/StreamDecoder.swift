/// Decodes tokens as they come, in whole characters: a character with bytes in several tokens appears with the last of these
/// tokens.
public struct StreamDecoder: Sendable {
    private let tokenizer: Tokenizer
    private let skipSpecialTokens: Bool
    /// The first bytes of a character that is not complete yet.
    private var pending: [UInt8] = []

    public init(_ tokenizer: Tokenizer, skipSpecialTokens: Bool) {
        self.tokenizer = tokenizer
        self.skipSpecialTokens = skipSpecialTokens
    }

    /// Returns the characters that `id` completes; the text may be empty.
    public mutating func append(_ id: Int32) -> String {
        pending += tokenizer.decodeBytes([id], skipSpecialTokens: skipSpecialTokens)
        let complete = pending.count - StreamDecoder.incompleteSuffix(of: pending)
        defer { pending.removeFirst(complete) }
        return String(decoding: pending[..<complete], as: UTF8.self)
    }

    /// Returns the rest at the end of a stream: U+FFFD for an incomplete character, else an empty text.
    public mutating func finish() -> String {
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }

    /// The number of bytes at the end that begin a character which later bytes could complete.
    private static func incompleteSuffix(of bytes: [UInt8]) -> Int {
        for distance in 1...3 where distance <= bytes.count {
            let byte = bytes[bytes.count - distance]
            if byte & 0xc0 == 0x80 { continue }
            let length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
            return length > distance && byte < 0xf8 ? distance : 0
        }
        return 0
    }
}
