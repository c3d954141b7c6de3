/// Decodes tokens as they come, whole characters only: a character whose bytes are spread over tokens appears with
/// the last.
public struct StreamDecoder: Sendable {
    private let tokenizer: Tokenizer
    private let skipSpecialTokens: Bool
    /// The beginning of a character that is not complete.
    private var pending: [UInt8] = []

    public init(_ tokenizer: Tokenizer, skipSpecialTokens: Bool) {
        self.tokenizer = tokenizer
        self.skipSpecialTokens = skipSpecialTokens
    }

    /// The characters that `id` completes; may be empty.
    public mutating func append(_ id: Int32) -> String {
        pending += tokenizer.decodeBytes([id], skipSpecialTokens: skipSpecialTokens)
        let complete = pending.count - StreamDecoder.incompleteSuffix(of: pending)
        defer { pending.removeFirst(complete) }
        return String(decoding: pending[..<complete], as: UTF8.self)
    }

    /// What is left at the end of a stream: U+FFFD for a character that was never completed, else nothing.
    public mutating func finish() -> String {
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }

    /// How many bytes at the end begin a character that later bytes could complete.
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
