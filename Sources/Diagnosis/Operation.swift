/// One operation of a rank, as in the record that other ranks of the node read.
package struct Operation: Equatable, Sendable {
    package var kind: OperationKind
    /// Whether the rank waits for the end of an operation started earlier.
    package var isWait = false
    /// The group's identity, the same on all its ranks.
    package var group: Int
    package var groupName: String
    /// The operation's number in its group, counted from 1. For a message: its tag.
    package var number: Int
    package var count = 0
    package var unit = OperationUnit.floats
    /// The other rank of a message, or the root of a broadcast: a rank of the group.
    package var peer: Int?
    /// Nanoseconds of the monotonic clock. `end` is nil until the operation ends.
    var begin = 0
    var end: Int?

    package init(
        kind: OperationKind, isWait: Bool = false, group: Int, groupName: String, number: Int, count: Int = 0,
        unit: OperationUnit = .floats, peer: Int? = nil, begin: Int = 0, end: Int? = nil
    ) {
        self.kind = kind
        self.isWait = isWait
        self.group = group
        self.groupName = groupName
        self.number = number
        self.count = count
        self.unit = unit
        self.peer = peer
        self.begin = begin
        self.end = end
    }

    /// Whether both can be the same collective operation of a group's ranks.
    package func matches(_ other: Operation) -> Bool {
        kind == other.kind && (kind.hasOwnCounts || count == other.count && unit == other.unit)
            && (kind != .broadcast || peer == other.peer)
    }

    /// "all-reduce of 4,096 floats", "barrier".
    var work: String {
        guard count > 0 else { return kind.name }
        return "\(kind.name) of \(Operation.grouped(count)) \(unit.name)\(count == 1 ? "" : "s")"
    }

    /// "all-reduce #812 over data (4,096 floats)", "receive from rank 3 of world (96 doubles)".
    package var words: String {
        let amount = count > 0 ? " (\(Operation.grouped(count)) \(unit.name)\(count == 1 ? "" : "s"))" : ""
        if kind.isBetweenTwo {
            let direction = kind == .send ? "to" : "from"
            return "\(kind.name) \(direction) rank \(peer ?? 0) of \(groupName)\(amount)"
        }
        return "\(kind.name) #\(Operation.grouped(number)) over \(groupName)\(amount)"
    }

    /// 4194304 as "4,194,304".
    static func grouped(_ number: Int) -> String {
        var digits = Array(String(number))
        var index = digits.count - 3
        while index > 0 {
            digits.insert(",", at: index)
            index -= 3
        }
        return String(digits)
    }
}
