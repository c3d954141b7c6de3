/// A cache of the tokens of short words: direct-mapped, of fixed size, owned by one thread at a time.
///
/// Text repeats its words, so the cache has nearly every word, and merges are rarely needed. A key holds all bytes of a word of
/// at most 16 bytes, so a hash collision can't give a wrong word. A word of more than six tokens is rare and not kept.
struct WordCache: ~Copyable {
    private struct Entry {
        // The word's first and last eight bytes, which overlap in a word of 9 to 15 bytes.
        var head: UInt64 = 0
        var tail: UInt64 = 0
        var tokens: (Int32, Int32, Int32, Int32, Int32, Int32) = (0, 0, 0, 0, 0, 0)
        /// The word's bytes; 0 for a free entry, because no word is empty.
        var length: UInt8 = 0
        var tokenCount: UInt8 = 0
    }

    /// The key of a word in the cache.
    struct Key {
        fileprivate let head: UInt64
        fileprivate let tail: UInt64
        fileprivate let length: UInt8
        fileprivate let slot: Int
    }

    private static let bits = 14
    static let longestWord = 16
    static let mostTokens = 6

    private let entries: UnsafeMutablePointer<Entry>

    init() {
        entries = .allocate(capacity: 1 << WordCache.bits)
        entries.initialize(repeating: Entry(), count: 1 << WordCache.bits)
    }

    deinit { entries.deallocate() }

    /// The key of a word of 1 to `longestWord` bytes.
    @inline(__always)
    static func key(_ word: UnsafeRawPointer, count: Int) -> Key {
        let head: UInt64
        var tail: UInt64 = 0
        if count >= 8 {
            head = word.loadUnaligned(as: UInt64.self)
            tail = word.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
        } else if count >= 4 {
            let low = word.loadUnaligned(as: UInt32.self)
            let high = word.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
            head = UInt64(high) << 32 | UInt64(low)
        } else {
            let first = UInt64(word.load(as: UInt8.self))
            let middle = UInt64(word.load(fromByteOffset: count &>> 1, as: UInt8.self))
            let last = UInt64(word.load(fromByteOffset: count &- 1, as: UInt8.self))
            head = last << 16 | middle << 8 | first
        }
        var hash = head &* 0x9e37_79b9_7f4a_7c15
        hash ^= (tail ^ (hash &>> 32)) &* 0xc2b2_ae3d_27d4_eb4f
        hash = (hash &+ UInt64(count)) &* 0x9e37_79b9_7f4a_7c15
        return Key(head: head, tail: tail, length: UInt8(count), slot: Int(hash &>> UInt64(64 - bits)))
    }

    /// Appends the word's tokens to `output`; returns false if the cache lacks the word.
    @inline(__always)
    func append(_ key: Key, to output: inout [Int32]) -> Bool {
        let entry = entries + key.slot
        guard entry.pointee.length == key.length, entry.pointee.head == key.head, entry.pointee.tail == key.tail else {
            return false
        }
        if entry.pointee.tokenCount == 1 {
            output.append(entry.pointee.tokens.0)
            return true
        }
        withUnsafePointer(to: &entry.pointee.tokens) { tokens in
            tokens.withMemoryRebound(to: Int32.self, capacity: WordCache.mostTokens) { tokens in
                output.append(
                    contentsOf: UnsafeBufferPointer(start: tokens, count: Int(entry.pointee.tokenCount)))
            }
        }
        return true
    }

    /// Keeps the word's tokens, unless they are more than `mostTokens`. Replaces the word that had the same slot.
    func store(_ key: Key, _ tokens: ArraySlice<Int32>) {
        guard tokens.count <= WordCache.mostTokens else { return }
        var entry = Entry()
        entry.head = key.head
        entry.tail = key.tail
        entry.length = key.length
        entry.tokenCount = UInt8(tokens.count)
        withUnsafeMutableBytes(of: &entry.tokens) { bytes in
            for (index, token) in tokens.enumerated() {
                bytes.storeBytes(of: token, toByteOffset: index * MemoryLayout<Int32>.stride, as: Int32.self)
            }
        }
        entries[key.slot] = entry
    }
}
