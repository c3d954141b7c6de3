import Diagnosis

/// What a group is called and how many operations it has begun, the same on all of its ranks.
final class GroupRecord {
    /// Known to all ranks of the group, and of no other group of theirs.
    let identity: Int
    let name: String
    /// World ranks, by rank of the group.
    var members: [Int] = [] {
        didSet { Watchdog.know(members: members, ofGroup: identity) }
    }
    private(set) var operationCount = 0
    private var childCount = 0
    /// In the table that other ranks read; nil until the first operation.
    private var place: Int?
    private var isRegistered = false

    init(identity: Int, name: String) {
        self.identity = identity
        self.name = name
    }

    /// A group of some of these ranks: all of them make it as the same child, with the same `color`.
    func child(color: Int, name: String) -> GroupRecord {
        childCount += 1
        var hash = UInt64(bitPattern: Int64(identity))
        // The steps of SplitMix64, so that two groups have the same number in one of 2⁶⁴ cases.
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
