/// The merges, by the pair of ids that they join. Encoding reads this table most often, from many threads at once.
///
/// Open addressing with linear probing over raw memory; a slot is (key, rank · 2³² + joined id).
final class PairTable: @unchecked Sendable {
    // Only `insert` writes, and no code calls it once the table is part of a tokenizer.
    private let slots: UnsafeMutablePointer<(key: UInt64, merge: UInt64)>
    private let shift: UInt64
    private let mask: Int

    /// No merge: greater than every merge.
    static let none = UInt64.max

    init(capacity: Int) {
        var bits = 4
        while 1 << bits < capacity * 2 { bits += 1 }
        slots = .allocate(capacity: 1 << bits)
        slots.initialize(repeating: (UInt64.max, PairTable.none), count: 1 << bits)
        shift = UInt64(64 - bits)
        mask = 1 << bits - 1
    }

    deinit { slots.deallocate() }

    /// Adds a merge. A later merge of the same pair replaces the earlier one, as in Hugging Face's reader.
    func insert(_ left: Int32, _ right: Int32, rank: Int, joined: Int32) {
        let slot = slot(of: PairTable.key(left, right))
        slots[slot] = (PairTable.key(left, right), UInt64(rank) << 32 | UInt64(joined))
    }

    /// Rank and joined id of a pair in one number, which orders by rank; `none` if the pair has no merge.
    @inline(__always)
    func merge(_ left: Int32, _ right: Int32) -> UInt64 {
        slots[slot(of: PairTable.key(left, right))].merge
    }

    @inline(__always)
    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    @inline(__always)
    private func slot(of key: UInt64) -> Int {
        var slot = Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) &>> shift)
        while slots[slot].key != key, slots[slot].key != UInt64.max { slot = (slot &+ 1) & mask }
        return slot
    }
}
