import CMPI
import Foundation
import Tensors

/// A group of processes joined by an MPI communicator. Every status is checked; only this file and `MPIGroup+Pending.swift`
/// call MPI's operations.
public final class MPIGroup: ProcessGroup {
    public let rank: Int
    public let size: Int
    public var secondsWaited: Double { clock.seconds }
    let communicator: MPI_Comm
    /// Duplicates share it.
    private let clock: Clock

    private final class Clock { var seconds = 0.0 }

    /// Wraps `communicator`, whose errors then come back as statuses.
    convenience init(_ communicator: MPI_Comm) throws(CollectiveError) { try self.init(communicator, clock: Clock()) }

    private init(_ communicator: MPI_Comm, clock: Clock) throws(CollectiveError) {
        self.communicator = communicator
        self.clock = clock
        var rank: Int32 = 0
        var size: Int32 = 0
        try MPIGroup.check("MPI_Comm_set_errhandler", MPI_Comm_set_errhandler(communicator, cmpi_errors_return()))
        try MPIGroup.check("MPI_Comm_rank", MPI_Comm_rank(communicator, &rank))
        try MPIGroup.check("MPI_Comm_size", MPI_Comm_size(communicator, &size))
        self.rank = Int(rank)
        self.size = Int(size)
    }

    /// The ranks that give the same `color`, ordered by `key`. Collective over this group.
    func split(color: Int, key: Int) throws(CollectiveError) -> MPIGroup {
        var part = cmpi_comm_null()
        try MPIGroup.check("MPI_Comm_split", MPI_Comm_split(communicator, Int32(color), Int32(key), &part))
        return try MPIGroup(part!)
    }

    /// The ranks on this node that give the same `color`. Collective over this group.
    func node(color: Int) throws(CollectiveError) -> NodeGroup {
        var node = cmpi_comm_null()
        try MPIGroup.check(
            "MPI_Comm_split_type",
            MPI_Comm_split_type(communicator, cmpi_comm_type_shared(), Int32(rank), cmpi_info_null(), &node))
        let part = try MPIGroup(node!).split(color: color, key: rank)
        return NodeGroup(part.communicator, rank: part.rank, size: part.size)
    }

    public func duplicated() throws(CollectiveError) -> any ProcessGroup {
        var copy = cmpi_comm_null()
        try MPIGroup.check("MPI_Comm_dup", MPI_Comm_dup(communicator, &copy))
        return try MPIGroup(copy!, clock: clock)
    }

    /// MPI counts are 32-bit: longer buffers go in pieces.
    private static let pieceLimit = 1 << 28

    public func sum(_ matrix: Matrix) throws(CollectiveError) {
        precondition(matrix.isContiguous)
        try timed { () throws(CollectiveError) in
            var offset = 0
            while offset < matrix.elementCount {
                let count = min(MPIGroup.pieceLimit, matrix.elementCount - offset)
                try MPIGroup.check(
                    "MPI_Allreduce",
                    MPI_Allreduce(
                        cmpi_in_place(), matrix.pointer + offset, Int32(count), cmpi_float(), cmpi_sum(), communicator))
                offset += count
            }
        }
    }

    public func sum(_ values: [Double]) throws(CollectiveError) -> [Double] {
        try reduced(values, type: cmpi_double(), operation: cmpi_sum())
    }

    public func maximum(_ values: [Double]) throws(CollectiveError) -> [Double] {
        try reduced(values, type: cmpi_double(), operation: cmpi_max())
    }

    public func minimum(_ values: [Int]) throws(CollectiveError) -> [Int] {
        try reduced(values, type: cmpi_int64(), operation: cmpi_min())
    }

    private func reduced<Value>(
        _ values: [Value], type: MPI_Datatype, operation: MPI_Op
    ) throws(CollectiveError) -> [Value] {
        var result = values
        guard !values.isEmpty else { return result }
        var status: Int32 = 0
        try timed { () throws(CollectiveError) in
            result.withUnsafeMutableBufferPointer { buffer in
                status = MPI_Allreduce(
                    cmpi_in_place(), buffer.baseAddress, Int32(buffer.count), type, operation, communicator)
            }
            try MPIGroup.check("MPI_Allreduce", status)
        }
        return result
    }

    public func gatherAll(_ bytes: [UInt8]) throws(CollectiveError) -> [[UInt8]] {
        let counts = try gatherCounts(bytes.count)
        var offsets: [Int32] = []
        var total = 0
        for count in counts {
            offsets.append(Int32(total))
            total += Int(count)
        }
        var all = [UInt8](repeating: 0, count: max(total, 1))
        let status = MPI_Allgatherv(
            bytes, Int32(bytes.count), cmpi_byte(), &all, counts, offsets, cmpi_byte(), communicator)
        try MPIGroup.check("MPI_Allgatherv", status)
        return zip(offsets, counts).map { offset, count in Array(all[Int(offset)..<Int(offset + count)]) }
    }

    private func gatherCounts(_ count: Int) throws(CollectiveError) -> [Int32] {
        var counts = [Int32](repeating: 0, count: size)
        let own = [Int32(count)]
        let bytes = Int32(MemoryLayout<Int32>.size)
        try MPIGroup.check(
            "MPI_Allgather", MPI_Allgather(own, bytes, cmpi_byte(), &counts, bytes, cmpi_byte(), communicator))
        return counts
    }

    public func broadcast(_ matrix: Matrix, root: Int) throws(CollectiveError) {
        precondition(matrix.isContiguous && matrix.elementCount <= Int(Int32.max))
        try timed { () throws(CollectiveError) in
            try MPIGroup.check(
                "MPI_Bcast",
                MPI_Bcast(matrix.pointer, Int32(matrix.elementCount), cmpi_float(), Int32(root), communicator))
        }
    }

    public func send(_ matrix: Matrix, to destination: Int, tag: Int) throws(CollectiveError) {
        precondition(matrix.isContiguous && matrix.elementCount <= Int(Int32.max))
        try MPIGroup.check(
            "MPI_Send",
            MPI_Send(
                matrix.pointer, Int32(matrix.elementCount), cmpi_float(), Int32(destination), Int32(tag), communicator))
    }

    public func receive(_ matrix: Matrix, from source: Int, tag: Int) throws(CollectiveError) {
        precondition(matrix.isContiguous && matrix.elementCount <= Int(Int32.max))
        try timed { () throws(CollectiveError) in
            try MPIGroup.check(
                "MPI_Recv",
                MPI_Recv(
                    matrix.pointer, Int32(matrix.elementCount), cmpi_float(), Int32(source), Int32(tag), communicator,
                    cmpi_status_ignore()))
        }
    }

    public func receive(count: Int, from source: Int, tag: Int) throws(CollectiveError) -> [Double] {
        var status: Int32 = 0
        var values = [Double](repeating: 0, count: count)
        try timed { () throws(CollectiveError) in
            values.withUnsafeMutableBufferPointer { buffer in
                status = MPI_Recv(
                    buffer.baseAddress, Int32(count), cmpi_double(), Int32(source), Int32(tag), communicator,
                    cmpi_status_ignore())
            }
            try MPIGroup.check("MPI_Recv", status)
        }
        return values
    }

    public func barrier() throws(CollectiveError) {
        try timed { () throws(CollectiveError) in try MPIGroup.check("MPI_Barrier", MPI_Barrier(communicator)) }
    }

    func timed(_ body: () throws(CollectiveError) -> Void) throws(CollectiveError) {
        let start = DispatchTime.now().uptimeNanoseconds
        defer { clock.seconds += Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9 }
        try body()
    }

    static func check(_ operation: String, _ status: Int32) throws(CollectiveError) {
        guard status != MPI_SUCCESS else { return }
        var text = [CChar](repeating: 0, count: Int(MPI_MAX_ERROR_STRING) + 1)
        var length: Int32 = 0
        MPI_Error_string(status, &text, &length)
        let message = String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        throw CollectiveError(operation: operation, message: message)
    }
}
