import Diagnosis

/// A group's name and its number of begun operations, the same on all its ranks.
final class GroupRecord {
    /// The same on all ranks of the group; different from all other groups of these ranks.
    let identity: Int
    let name: String
    /// World ranks, ordered by rank in the group.
    var members: [Int] = [] {
        didSet { Watchdog.know(members: members, ofGroup: identity) }
    }
    private(set) var operationCount = 0
    private var childCount = 0
    /// Index in the group table that other ranks read. Nil before the first operation, and if the table is full.
    private var place: Int?
    private var isRegistered = false

    init(identity: Int, name: String) {
        self.identity = identity
        self.name = name
    }

    /// The record of a group made from some of these ranks. All ranks make their children in the same order; ranks of the
    /// same child give the same `color`.
    func child(color: Int, name: String) -> GroupRecord {
        childCount += 1
        var hash = UInt64(bitPattern: Int64(identity))
        // The steps of SplitMix64: two groups get the same number in one of 2⁶⁴ cases.
        for value in [childCount, color] {
            hash = (hash &+ UInt64(truncatingIfNeeded: value)) &* 0x9E37_79B9_7F4A_7C15
            hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
            hash ^= hash >> 27
        }
        return GroupRecord(identity: Int(Int64(bitPattern: hash | 2)), name: name)
    }

    func next() -> Int {
        operationCount += 1
        return operationCount
    }

    func place(in log: OperationLog) -> Int? {
        if !isRegistered {
            isRegistered = true
            place = log.register(group: identity, name: name)
        }
        return place
    }
}
