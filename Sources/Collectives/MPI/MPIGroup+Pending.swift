import CMPI
import Diagnosis
import Settings
import Tensors

// Operations that run while this process computes. `MPI_Iallreduce` is not among them: it sends whole buffers along a tree.
// An all-to-all, a local sum of the own part and an all-gather send no float twice.

extension MPIGroup {
    public func startAllToAll(
        _ matrix: Matrix, parts: [Range<Int>], into received: Matrix
    ) throws(CollectiveError) -> PendingCollective {
        let own = parts[rank].count
        invariant(
            parts.count == size && matrix.isContiguous && matrix.elementCount <= Int(Int32.max),
            "each rank has its part, of at most 2,147,483,647 numbers")
        invariant(
            received.isContiguous && received.rowCount == size - 1 && received.columnCount == own, "`received` has a row for each other rank")
        invariant((size - 1) * own <= Int(Int32.max), "at most 2,147,483,647 numbers are received")
        // This rank's own part is neither sent nor received.
        let others = (0..<size).map { $0 == rank ? 0 : 1 }
        let operation = PendingOperation(
            zip(parts, others).map { $0.count * $1 }, parts.map(\.lowerBound), others.map { own * $0 },
            (0..<size).map { ($0 > rank ? $0 - 1 : $0) * own })
        let started = try begun(.exchange, matrix.elementCount) { () throws(CollectiveError) in
            try MPIGroup.check(
                "MPI_Ialltoallv",
                MPI_Ialltoallv(
                    matrix.pointer, operation.numbers[0], operation.numbers[1], cmpi_float(), received.pointer,
                    operation.numbers[2], operation.numbers[3], cmpi_float(), communicator, operation.request))
        }
        return pending(operation, started)
    }

    public func startAllGather(_ matrix: Matrix, parts: [Range<Int>]) throws(CollectiveError) -> PendingCollective {
        invariant(
            parts.count == size && matrix.isContiguous && matrix.elementCount <= Int(Int32.max),
            "each rank has its part, of at most 2,147,483,647 numbers")
        let operation = PendingOperation(parts.map(\.count), parts.map(\.lowerBound))
        let started = try begun(.gather, matrix.elementCount) { () throws(CollectiveError) in
            try MPIGroup.check(
                "MPI_Iallgatherv",
                MPI_Iallgatherv(
                    cmpi_in_place(), 0, cmpi_float(), matrix.pointer, operation.numbers[0], operation.numbers[1],
                    cmpi_float(), communicator, operation.request))
        }
        return pending(operation, started)
    }

    public func startSend(
        _ matrix: Matrix, to destination: Int, tag: Int
    ) throws(CollectiveError) -> PendingCollective {
        invariant(matrix.isContiguous && matrix.elementCount <= Int(Int32.max), "a message has no gaps, and at most 2,147,483,647 numbers")
        return try startSend(matrix.pointer, matrix.elementCount, cmpi_float(), destination, tag, PendingOperation())
    }

    public func startSend(
        _ values: [Double], to destination: Int, tag: Int
    ) throws(CollectiveError) -> PendingCollective {
        let operation = PendingOperation(sending: values)
        return try startSend(operation.values!, values.count, cmpi_double(), destination, tag, operation)
    }

    private func startSend(
        _ memory: UnsafeRawPointer, _ count: Int, _ type: MPI_Datatype, _ destination: Int, _ tag: Int,
        _ operation: PendingOperation
    ) throws(CollectiveError) -> PendingCollective {
        let unit: OperationUnit = type == cmpi_float() ? .floats : .doubles
        let started = try begun(.send, count, unit, peer: destination, tag: tag) { () throws(CollectiveError) in
            try MPIGroup.check(
                "MPI_Isend",
                MPI_Isend(memory, Int32(count), type, Int32(destination), Int32(tag), communicator, operation.request))
        }
        return pending(operation, started)
    }

    private func pending(_ operation: PendingOperation, _ started: StartedOperation) -> PendingCollective {
        PendingCollective(
            poll: { [self] () throws(CollectiveError) in
                var ended: Int32 = 0
                try counted { () throws(CollectiveError) in
                    try MPIGroup.check("MPI_Test", MPI_Test(operation.request, &ended, cmpi_status_ignore()))
                }
                return ended != 0
            },
            complete: { [self] () throws(CollectiveError) in
                try waited(for: started) { () throws(CollectiveError) in
                    try MPIGroup.check("MPI_Wait", MPI_Wait(operation.request, cmpi_status_ignore()))
                }
            })
    }
}

/// An MPI request and the memory that MPI reads until it ends: counts and offsets, or the values sent.
private final class PendingOperation {
    /// The null request after MPI has reported the end.
    let request = UnsafeMutablePointer<MPI_Request?>.allocate(capacity: 1)
    let numbers: [UnsafeMutablePointer<Int32>]
    let values: UnsafeMutablePointer<Double>?

    init(sending copied: [Double]) {
        request.initialize(to: cmpi_request_null())
        numbers = []
        let memory = UnsafeMutablePointer<Double>.allocate(capacity: max(copied.count, 1))
        memory.initialize(from: copied, count: copied.count)
        values = memory
    }

    init(_ lists: [Int]...) {
        request.initialize(to: cmpi_request_null())
        values = nil
        numbers = lists.map { list in
            let memory = UnsafeMutablePointer<Int32>.allocate(capacity: list.count)
            for (index, number) in list.enumerated() { memory[index] = Int32(number) }
            return memory
        }
    }

    deinit {
        request.deallocate()
        for memory in numbers { memory.deallocate() }
        values?.deallocate()
    }
}
