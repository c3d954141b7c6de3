import CMPI
import Tensors

// Operations that go on while this process computes. MPI's own sums without waiting are not among them: they send whole
// buffers along a tree, where an exchange of parts, a sum of each rank's own and a gather send no float twice.

extension MPIGroup {
    public func startExchange(
        _ matrix: Matrix, parts: [Range<Int>], into received: Matrix
    ) throws(CollectiveError) -> PendingCollective {
        let own = parts[rank].count
        precondition(parts.count == size && matrix.isContiguous && matrix.elementCount <= Int(Int32.max))
        precondition(received.isContiguous && received.rowCount == size - 1 && received.columnCount == own)
        precondition((size - 1) * own <= Int(Int32.max))
        // What is this rank's own is neither sent nor received.
        let others = (0..<size).map { $0 == rank ? 0 : 1 }
        let operation = PendingOperation(
            zip(parts, others).map { $0.count * $1 }, parts.map(\.lowerBound), others.map { own * $0 },
            (0..<size).map { ($0 > rank ? $0 - 1 : $0) * own })
        try timed { () throws(CollectiveError) in
            try MPIGroup.check(
                "MPI_Ialltoallv",
                MPI_Ialltoallv(
                    matrix.pointer, operation.numbers[0], operation.numbers[1], cmpi_float(), received.pointer,
                    operation.numbers[2], operation.numbers[3], cmpi_float(), communicator, operation.request))
        }
        return pending(operation)
    }

    public func startGather(_ matrix: Matrix, parts: [Range<Int>]) throws(CollectiveError) -> PendingCollective {
        precondition(parts.count == size && matrix.isContiguous && matrix.elementCount <= Int(Int32.max))
        let operation = PendingOperation(parts.map(\.count), parts.map(\.lowerBound))
        try timed { () throws(CollectiveError) in
            try MPIGroup.check(
                "MPI_Iallgatherv",
                MPI_Iallgatherv(
                    cmpi_in_place(), 0, cmpi_float(), matrix.pointer, operation.numbers[0], operation.numbers[1],
                    cmpi_float(), communicator, operation.request))
        }
        return pending(operation)
    }

    private func pending(_ operation: PendingOperation) -> PendingCollective {
        PendingCollective(
            poll: { [self] () throws(CollectiveError) in
                var ended: Int32 = 0
                try timed { () throws(CollectiveError) in
                    try MPIGroup.check("MPI_Test", MPI_Test(operation.request, &ended, cmpi_status_ignore()))
                }
                return ended != 0
            },
            complete: { [self] () throws(CollectiveError) in
                try timed { () throws(CollectiveError) in
                    try MPIGroup.check("MPI_Wait", MPI_Wait(operation.request, cmpi_status_ignore()))
                }
            })
    }
}

/// A request, and the counts and offsets that MPI reads until its end.
private final class PendingOperation {
    /// The null request once the operation was seen to have ended.
    let request = UnsafeMutablePointer<MPI_Request?>.allocate(capacity: 1)
    let numbers: [UnsafeMutablePointer<Int32>]

    init(_ lists: [Int]...) {
        request.initialize(to: cmpi_request_null())
        numbers = lists.map { list in
            let memory = UnsafeMutablePointer<Int32>.allocate(capacity: list.count)
            for (index, number) in list.enumerated() { memory[index] = Int32(number) }
            return memory
        }
    }

    deinit {
        request.deallocate()
        for memory in numbers { memory.deallocate() }
    }
}
