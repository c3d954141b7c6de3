/// A text of a JSON file, as UTF-8.
///
/// Compared by bytes: to Swift's `String` two texts are equal that only Unicode takes for the same, and names and
/// tokens are not. A text without escapes lies in the bytes of its file, so a vocabulary costs no allocation for each
/// token; those bytes live as long as any of its texts.
public struct JSONString: Sendable {
    /// The whole file, or the resolved text alone.
    private let storage: [UInt8]
    // 32 bits, so that a value of a tree takes 24 bytes, and 16 of a text.
    private let start: UInt32
    private let count: UInt32

    /// - Parameter range: of the text, valid UTF-8, in `storage`.
    init(_ storage: [UInt8], _ range: Range<Int>) {
        self.storage = storage
        start = UInt32(range.lowerBound)
        count = UInt32(range.count)
    }

    /// - Parameter bytes: valid UTF-8.
    init(_ bytes: [UInt8]) { self.init(bytes, 0..<bytes.count) }

    public init(_ text: String) { self.init(Array(text.utf8)) }

    public var bytes: ArraySlice<UInt8> { storage[Int(start)..<(Int(start) + Int(count))] }

    public var string: String { String(decoding: bytes, as: UTF8.self) }

    /// Whether it is `text`, byte for byte.
    public func matches(_ text: String) -> Bool { bytes.elementsEqual(text.utf8) }
}

extension JSONString: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) { self.init(text) }
}

extension JSONString: Hashable {
    public static func == (left: JSONString, right: JSONString) -> Bool {
        left.count == right.count && left.bytes == right.bytes
    }

    /// Eight bytes at a time, by the standard library's keyed hash: names that collide can't be made up.
    public func hash(into hasher: inout Hasher) {
        let bytes = bytes.span
        var word: UInt64 = 0
        for index in 0..<bytes.count {
            word = word << 8 | UInt64(bytes[index])
            if index & 7 == 7 { hasher.combine(word) }
        }
        hasher.combine(word)
        hasher.combine(count)
    }
}
