/// A hash of 64 bits that tells contents apart by accident, not where someone means to deceive (FNV-1a over words, with a
/// shift that brings high bits down again).
public struct ContentHash: Sendable {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    public init() {}

    public mutating func add(_ word: UInt64) {
        state = (state ^ word) &* 0x100_0000_01B3
        state ^= state >> 32
    }

    /// Bytes of a mapped file, or of other memory: eight at a time, the last ones filled up with zeros, then their number.
    public mutating func add(_ storage: Storage, _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= storage.byteCount)
        var hash = self
        var place = range.lowerBound
        while place + 8 <= range.upperBound {
            hash.add(storage.base.loadUnaligned(fromByteOffset: place, as: UInt64.self))
            place += 8
        }
        var rest: UInt64 = 0
        while place < range.upperBound {
            rest = rest << 8 | UInt64(storage.base.load(fromByteOffset: place, as: UInt8.self))
            place += 1
        }
        hash.add(rest)
        hash.add(UInt64(range.count))
        self = hash
    }

    /// 16 hexadecimal digits.
    public var digits: String {
        let digits = String(state, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension Storage {
    /// The digits of a file's whole content.
    public func contentDigits() -> String {
        var hash = ContentHash()
        hash.add(self, 0..<byteCount)
        return hash.digits
    }

    /// The digits of a file's size and of samples of its content: of all of it up to a mebibyte, else of its first 64 KiB
    /// (where headers are) and of 64 blocks of 4 KiB spread evenly to its end. Reading them takes no time, however large it is.
    public func sampledDigits() -> String {
        let (block, count) = (4096, 64)
        guard byteCount > 1 << 20 else { return contentDigits() }
        var hash = ContentHash()
        hash.add(UInt64(byteCount))
        hash.add(self, 0..<(1 << 16))
        for index in 1...count {
            let end = byteCount / count * index + (index == count ? byteCount % count : 0)
            hash.add(self, (end - block)..<end)
        }
        return hash.digits
    }
}
