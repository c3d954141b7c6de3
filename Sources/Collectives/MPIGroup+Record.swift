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

    fileprivate func next() -> Int {
        operationCount += 1
        return operationCount
    }

    fileprivate func place(in log: OperationLog) -> Int? {
        if !isRegistered {
            isRegistered = true
            place = log.register(group: identity, name: name)
        }
        return place
    }
}

/// An operation that goes on, or is to be waited for.
struct StartedOperation {
    var operation: Operation
    let comparison: OperationComparison.Pending?
}

extension MPIGroup {
    /// Does an operation with the other ranks: it is recorded, its time is counted, and its errors name it.
    func timed(
        _ kind: OperationKind, _ count: Int = 0, _ unit: OperationUnit = .floats, peer: Int? = nil, tag: Int = 0,
        _ body: () throws(CollectiveError) -> Void
    ) throws(CollectiveError) {
        let operation = operation(kind, count, unit, peer: peer, tag: tag)
        try recorded(operation) { () throws(CollectiveError) in
            try comparison?.start(operation)?.finish(members: record.members)
            try body()
        }
    }

    /// Starts an operation, which `waited` ends.
    func begun(
        _ kind: OperationKind, _ count: Int, _ unit: OperationUnit = .floats, peer: Int? = nil, tag: Int = 0,
        _ body: () throws(CollectiveError) -> Void
    ) throws(CollectiveError) -> StartedOperation {
        let operation = operation(kind, count, unit, peer: peer, tag: tag)
        var pending: OperationComparison.Pending?
        try recorded(operation) { () throws(CollectiveError) in
            pending = try comparison?.start(operation)
            try body()
        }
        return StartedOperation(operation: operation, comparison: pending)
    }

    func waited(
        for started: StartedOperation, _ body: () throws(CollectiveError) -> Void
    ) throws(CollectiveError) {
        var operation = started.operation
        operation.isWait = true
        try recorded(operation) { () throws(CollectiveError) in
            try started.comparison?.finish(members: record.members)
            try body()
        }
    }

    private func operation(
        _ kind: OperationKind, _ count: Int, _ unit: OperationUnit, peer: Int?, tag: Int
    ) -> Operation {
        Operation(
            kind: kind, group: record.identity, groupName: record.name, number: kind.isBetweenTwo ? tag : record.next(),
            count: count, unit: unit, peer: peer)
    }

    private func recorded(
        _ operation: Operation, _ body: () throws(CollectiveError) -> Void
    ) throws(CollectiveError) {
        let begin = OperationLog.now
        let log = OperationLog.own
        let serial = log.flatMap { log in
            record.place(in: log).map { place in
                log.begin(
                    operation.kind, isWait: operation.isWait, place: place, number: operation.number, count: operation.count,
                    unit: operation.unit, peer: operation.peer, at: begin)
            }
        }
        defer {
            let end = OperationLog.now
            count(nanoseconds: end - begin)
            if let log, let serial { log.end(serial, at: end) }
        }
        do throws(CollectiveError) { try body() } catch {
            throw CollectiveError(
                operation: operation.words, message: "\(error)", mismatch: error.mismatch ?? Watchdog.mismatch())
        }
    }
}
