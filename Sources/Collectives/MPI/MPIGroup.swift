import CMPI
import Diagnosis
import Settings
import Tensors

/// A group of processes joined by an MPI communicator. Every status is checked. Only this file, `MPIGroup+Pending.swift`
/// and `OperationComparison.swift` call MPI's operations.
public final class MPIGroup: ProcessGroup {
    public let rank: Int
    public let size: Int
    public var secondsWaited: Double { clock.seconds }
    let communicator: MPI_Comm
    let record: GroupRecord
    /// Compares each call with the other ranks' calls; nil if the group doesn't compare.
    let comparison: OperationComparison?
    /// Shared with duplicates of this group.
    private let clock: Clock

    private final class Clock { var seconds = 0.0 }

    /// All ranks.
    convenience init(world communicator: MPI_Comm) throws(CollectiveError) {
        try self.init(communicator, GroupRecord(identity: 1, name: "world"), isChecked: false, clock: Clock())
        record.members = Array(0..<size)
    }

    /// The same group, with comparison: its ranks compare each call before they make it and refuse different calls. Groups
    /// made from the returned one compare too. Collective.
    public func comparing() throws(CollectiveError) -> MPIGroup {
        try MPIGroup(communicator, record, isChecked: true, clock: clock)
    }

    /// Wraps `communicator` and makes its errors come back as statuses.
    private init(
        _ communicator: MPI_Comm, _ record: GroupRecord, isChecked: Bool, clock: Clock
    ) throws(CollectiveError) {
        self.communicator = communicator
        self.record = record
        self.clock = clock
        comparison = isChecked ? try OperationComparison(communicator) : nil
        var rank: Int32 = 0
        var size: Int32 = 0
        try MPIGroup.check("MPI_Comm_set_errhandler", MPI_Comm_set_errhandler(communicator, cmpi_errors_return()))
        try MPIGroup.check("MPI_Comm_rank", MPI_Comm_rank(communicator, &rank))
        try MPIGroup.check("MPI_Comm_size", MPI_Comm_size(communicator, &size))
        self.rank = Int(rank)
        self.size = Int(size)
    }

    /// The ranks that give the same `color`, ordered by `key`. Collective over this group.
    func split(color: Int, key: Int, name: String) throws(CollectiveError) -> MPIGroup {
        var part = cmpi_comm_null()
        try timed(.split) { () throws(CollectiveError) in
            try MPIGroup.check("MPI_Comm_split", MPI_Comm_split(communicator, Int32(color), Int32(key), &part))
        }
        return try made(part!, color: color, name: name, clock: Clock())
    }

    /// A group of some ranks of this group. All its ranks gave the same `color`.
    private func made(
        _ communicator: MPI_Comm, color: Int, name: String, clock: Clock
    ) throws(CollectiveError) -> MPIGroup {
        let group = try MPIGroup(
            communicator, record.child(color: color, name: name), isChecked: comparison != nil, clock: clock)
        group.record.members = try worldRanks(of: communicator)
        return group
    }

    private func worldRanks(of communicator: MPI_Comm) throws(CollectiveError) -> [Int] {
        var (part, world) = (cmpi_group_null(), cmpi_group_null())
        try MPIGroup.check("MPI_Comm_group", MPI_Comm_group(communicator, &part))
        try MPIGroup.check("MPI_Comm_group", MPI_Comm_group(cmpi_comm_world(), &world))
        var count: Int32 = 0
        try MPIGroup.check("MPI_Group_size", MPI_Group_size(part, &count))
        var ranks = [Int32](repeating: 0, count: Int(count))
        try MPIGroup.check(
            "MPI_Group_translate_ranks", MPI_Group_translate_ranks(part, count, Array(0..<count), world, &ranks))
        MPI_Group_free(&part)
        MPI_Group_free(&world)
        return ranks.map(Int.init)
    }

    /// The ranks on this node that give the same `color`. Collective over this group.
    func node(color: Int) throws(CollectiveError) -> NodeGroup {
        NodeGroup(try node().split(color: color, key: rank, name: "node"))
    }

    /// All ranks on this node. Collective over this group.
    func node() throws(CollectiveError) -> MPIGroup {
        var node = cmpi_comm_null()
        try timed(.split) { () throws(CollectiveError) in
            try MPIGroup.check(
                "MPI_Comm_split_type",
                MPI_Comm_split_type(communicator, cmpi_comm_type_shared(), Int32(rank), cmpi_info_null(), &node))
        }
        // The color is the node's lowest rank: the same on all ranks of a node and different between nodes.
        return try made(node!, color: try worldRanks(of: node!)[0], name: "node", clock: Clock())
    }

    public func duplicated(_ name: String) throws(CollectiveError) -> any ProcessGroup {
        var copy = cmpi_comm_null()
        try timed(.duplication) { () throws(CollectiveError) in
            try MPIGroup.check("MPI_Comm_dup", MPI_Comm_dup(communicator, &copy))
        }
        return try made(copy!, color: 0, name: name, clock: clock)
    }

    /// MPI counts are 32-bit, so longer buffers go in pieces.
    private static let pieceLimit = 1 << 28

    public func allReduce(_ matrix: Matrix) throws(CollectiveError) {
        invariant(matrix.isContiguous, "an all-reduce takes numbers without gaps")
        try timed(.sum, matrix.elementCount) { () throws(CollectiveError) in
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

    public func allReduce(_ values: [Double]) throws(CollectiveError) -> [Double] {
        try reduced(values, .sum, .doubles, type: cmpi_double(), operation: cmpi_sum())
    }

    public func allReduceMaximum(_ values: [Double]) throws(CollectiveError) -> [Double] {
        try reduced(values, .maximum, .doubles, type: cmpi_double(), operation: cmpi_max())
    }

    public func allReduceMinimum(_ values: [Int]) throws(CollectiveError) -> [Int] {
        try reduced(values, .minimum, .integers, type: cmpi_int64(), operation: cmpi_min())
    }

    private func reduced<Value>(
        _ values: [Value], _ kind: OperationKind, _ unit: OperationUnit, type: MPI_Datatype, operation: MPI_Op
    ) throws(CollectiveError) -> [Value] {
        var result = values
        guard !values.isEmpty else { return result }
        var status: Int32 = 0
        try timed(kind, values.count, unit) { () throws(CollectiveError) in
            result.withUnsafeMutableBufferPointer { buffer in
                status = MPI_Allreduce(
                    cmpi_in_place(), buffer.baseAddress, Int32(buffer.count), type, operation, communicator)
            }
            try MPIGroup.check("MPI_Allreduce", status)
        }
        return result
    }

    public func allGather(_ bytes: [UInt8]) throws(CollectiveError) -> [[UInt8]] {
        var all: [UInt8] = []
        var counts: [Int32] = []
        var offsets: [Int32] = []
        try timed(.gather, bytes.count, .bytes) { () throws(CollectiveError) in
            counts = try gatherCounts(bytes.count)
            var total = 0
            for count in counts {
                offsets.append(Int32(total))
                total += Int(count)
            }
            all = [UInt8](repeating: 0, count: max(total, 1))
            let status = MPI_Allgatherv(
                bytes, Int32(bytes.count), cmpi_byte(), &all, counts, offsets, cmpi_byte(), communicator)
            try MPIGroup.check("MPI_Allgatherv", status)
        }
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
        invariant(matrix.isContiguous && matrix.elementCount <= Int(Int32.max), "a message has no gaps, and at most 2,147,483,647 numbers")
        try timed(.broadcast, matrix.elementCount, peer: root) { () throws(CollectiveError) in
            try MPIGroup.check(
                "MPI_Bcast",
                MPI_Bcast(matrix.pointer, Int32(matrix.elementCount), cmpi_float(), Int32(root), communicator))
        }
    }

    public func send(_ matrix: Matrix, to destination: Int, tag: Int) throws(CollectiveError) {
        invariant(matrix.isContiguous && matrix.elementCount <= Int(Int32.max), "a message has no gaps, and at most 2,147,483,647 numbers")
        try timed(.send, matrix.elementCount, peer: destination, tag: tag) { () throws(CollectiveError) in
            try MPIGroup.check(
                "MPI_Send",
                MPI_Send(
                    matrix.pointer, Int32(matrix.elementCount), cmpi_float(), Int32(destination), Int32(tag), communicator))
        }
    }

    public func receive(_ matrix: Matrix, from source: Int, tag: Int) throws(CollectiveError) {
        invariant(matrix.isContiguous && matrix.elementCount <= Int(Int32.max), "a message has no gaps, and at most 2,147,483,647 numbers")
        try timed(.receive, matrix.elementCount, peer: source, tag: tag) { () throws(CollectiveError) in
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
        try timed(.receive, count, .doubles, peer: source, tag: tag) { () throws(CollectiveError) in
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
        try timed(.barrier) { () throws(CollectiveError) in try MPIGroup.check("MPI_Barrier", MPI_Barrier(communicator)) }
    }

    /// Counts the time of an MPI call that does not wait for other ranks.
    func counted(_ body: () throws(CollectiveError) -> Void) throws(CollectiveError) {
        let start = OperationLog.now
        defer { count(nanoseconds: OperationLog.now - start) }
        try body()
    }

    func count(nanoseconds: Int) { clock.seconds += Double(nanoseconds) * 1e-9 }

    static func check(_ operation: String, _ status: Int32) throws(CollectiveError) {
        guard status != MPI_SUCCESS else { return }
        var text = [CChar](repeating: 0, count: Int(MPI_MAX_ERROR_STRING) + 1)
        var length: Int32 = 0
        MPI_Error_string(status, &text, &length)
        let message = String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        throw CollectiveError(operation: operation, message: message)
    }
}
