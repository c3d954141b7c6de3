import CMPI
import Diagnosis

/// Compares the operations that the ranks of a group are about to call, on a separate communicator.
final class OperationComparison {
    private let communicator: MPI_Comm
    private let size: Int
    /// A call as numbers: kind, operation number, count, unit, root.
    private static let fieldCount = 5

    /// Collective over `communicator`.
    init(_ communicator: MPI_Comm) throws(CollectiveError) {
        var copy = cmpi_comm_null()
        var size: Int32 = 0
        try MPIGroup.check("MPI_Comm_dup", MPI_Comm_dup(communicator, &copy))
        try MPIGroup.check("MPI_Comm_set_errhandler", MPI_Comm_set_errhandler(copy, cmpi_errors_return()))
        try MPIGroup.check("MPI_Comm_size", MPI_Comm_size(copy, &size))
        self.communicator = copy!
        self.size = Int(size)
    }

    /// Sends this rank's call to the others without waiting: ranks may start operations of several groups in different
    /// orders. Nil for messages between two ranks.
    func start(_ operation: Operation) throws(CollectiveError) -> Pending? {
        guard !operation.kind.isBetweenTwo else { return nil }
        let pending = Pending(operation, size: size)
        let count = Int32(OperationComparison.fieldCount)
        try MPIGroup.check(
            "MPI_Iallgather",
            MPI_Iallgather(
                pending.own, count, cmpi_int64(), pending.all, count, cmpi_int64(), communicator, pending.request))
        return pending
    }

    /// A comparison that was started.
    final class Pending {
        fileprivate let own = UnsafeMutablePointer<Int64>.allocate(capacity: fieldCount)
        fileprivate let all: UnsafeMutablePointer<Int64>
        fileprivate let request = UnsafeMutablePointer<MPI_Request?>.allocate(capacity: 1)
        private let operation: Operation
        private let size: Int

        fileprivate init(_ operation: Operation, size: Int) {
            self.operation = operation
            self.size = size
            all = .allocate(capacity: size * fieldCount)
            request.initialize(to: cmpi_request_null())
            let fields = [
                operation.kind.rawValue, operation.number, operation.count, operation.unit.rawValue, operation.peer ?? -1,
            ]
            for (index, field) in fields.enumerated() { own[index] = Int64(field) }
        }

        deinit {
            own.deallocate()
            all.deallocate()
            request.deallocate()
        }

        /// Waits until all ranks have sent their calls.
        ///
        /// - Parameter members: world ranks of the group.
        /// - Throws: an error with a `mismatch` as cause, the same on all ranks.
        func finish(members: [Int]) throws(CollectiveError) {
            try MPIGroup.check("MPI_Wait", MPI_Wait(request, cmpi_status_ignore()))
            let calls = (0..<size).map(call)
            guard let other = calls.indices.first(where: { !calls[$0].matches(calls[0]) || calls[$0].number != calls[0].number })
            else { return }
            func worldRank(_ rank: Int) -> Int { members.indices.contains(rank) ? members[rank] : rank }
            let mismatch = HangDiagnosis.mismatch(
                worldRank(0), calls[0], worldRank(other), calls[other], place: "rank \(worldRank(0))")
            throw CollectiveError(operation: operation.words, message: mismatch.reason, cause: mismatch)
        }

        private func call(_ rank: Int) -> Operation {
            let fields = all + rank * fieldCount
            return Operation(
                kind: OperationKind(rawValue: Int(fields[0])) ?? operation.kind, group: operation.group,
                groupName: operation.groupName, number: Int(fields[1]), count: Int(fields[2]),
                unit: OperationUnit(rawValue: Int(fields[3])) ?? .bytes, peer: fields[4] < 0 ? nil : Int(fields[4]))
        }
    }
}
