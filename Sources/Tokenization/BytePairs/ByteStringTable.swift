/// A map from byte strings to token ids. It uses open addressing over one flat buffer, so that a lookup allocates nothing.
struct ByteStringTable: Sendable {
    private var buffer: [UInt8] = []
    /// Where each key starts in `buffer`; the last element is the end of the last key.
    private var bounds: [Int] = [0]
    private var values: [Int32] = []
    /// Index of a key by the low bits of its hash; −1 for a free slot.
    private var slots: [Int32]

    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = [Int32](repeating: -1, count: size)
        values.reserveCapacity(capacity)
        bounds.reserveCapacity(capacity + 1)
    }

    var count: Int { values.count }

    /// Adds `key`. Returns false and changes nothing if the table has the key already.
    mutating func insert(_ key: some Collection<UInt8>, value: Int32) -> Bool {
        let key = Array(key)
        let slot = slot(of: key.span)
        guard slots[slot] < 0 else { return false }
        slots[slot] = Int32(values.count)
        buffer.append(contentsOf: key)
        bounds.append(buffer.count)
        values.append(value)
        if values.count * 2 > slots.count { grow() }
        return true
    }

    func value(of key: Span<UInt8>) -> Int32? {
        let index = slots[slot(of: key)]
        return index < 0 ? nil : values[Int(index)]
    }

    func value(of key: ArraySlice<UInt8>) -> Int32? { value(of: key.span) }

    /// The slot that holds `key`, or the free slot for it.
    private func slot(of key: Span<UInt8>) -> Int {
        let mask = slots.count - 1
        var slot = ByteStringTable.hash(key) & mask
        while slots[slot] >= 0, !matches(key, at: Int(slots[slot])) { slot = (slot + 1) & mask }
        return slot
    }

    private func matches(_ key: Span<UInt8>, at index: Int) -> Bool {
        let start = bounds[index]
        guard bounds[index + 1] - start == key.count else { return false }
        for offset in 0..<key.count where buffer[start + offset] != key[offset] { return false }
        return true
    }

    private mutating func grow() {
        let mask = slots.count * 2 - 1
        slots = [Int32](repeating: -1, count: mask + 1)
        for index in 0..<values.count {
            var slot = ByteStringTable.hash(buffer.span.extracting(bounds[index]..<bounds[index + 1])) & mask
            while slots[slot] >= 0 { slot = (slot + 1) & mask }
            slots[slot] = Int32(index)
        }
    }

    /// FNV-1a with a final mix.
    private static func hash(_ key: Span<UInt8>) -> Int {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for index in 0..<key.count { hash = (hash ^ UInt64(key[index])) &* 0x100_0000_01b3 }
        hash ^= hash >> 29
        return Int(truncatingIfNeeded: (hash &* 0x9e37_79b9_7f4a_7c15) >> 1)
    }
}
