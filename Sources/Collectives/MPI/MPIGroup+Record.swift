import Diagnosis

extension MPIGroup {
    /// Runs an operation with the other ranks. The operation is recorded and timed, and its errors name it.
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

    /// Starts an operation; `waited` ends it.
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
                operation: operation.words, message: "\(error)", cause: error.cause ?? Watchdog.mismatch())
        }
    }
}
