import CMPI
import Foundation
import Tensors

/// Ranks of one node that hold the same: they may share memory.
public final class NodeGroup {
    /// This process's place, in `0..<size`.
    public let rank: Int
    public let size: Int
    /// Nil in a group of one, which needs no MPI.
    private let group: MPIGroup?

    init(_ group: MPIGroup) {
        self.group = group.size > 1 ? group : nil
        rank = group.rank
        size = group.size
    }

    /// A process by itself.
    public init() {
        group = nil
        rank = 0
        size = 1
    }

    /// Whether this rank writes what all of the group then read.
    public var isWriter: Bool { rank == 0 }

    /// `floatCount` floats that exist once for the whole group, filled by `write` on its first rank; all return once it is
    /// done. Collective over the group.
    public func shared(
        floatCount: Int, write: (Storage) -> Void
    ) throws(CollectiveError) -> Storage {
        guard let group else {
            let storage = Storage(floatCount: floatCount)
            write(storage)
            return storage
        }
        let storage = try group.window(byteCount: floatCount * MemoryLayout<Float>.stride, isWriter: isWriter)
        if isWriter { write(storage) }
        try group.barrier()
        return storage
    }
}

extension MPIGroup {
    /// Memory that all ranks of the group share, all of which are on one node. Collective.
    fileprivate func window(byteCount: Int, isWriter: Bool) throws(CollectiveError) -> Storage {
        var storage: Storage?
        try timed(.window, byteCount, .bytes) { () throws(CollectiveError) in
            storage = try SharedWindows.allocate(byteCount: byteCount, isWriter: isWriter, communicator)
        }
        return storage!
    }
}

/// Windows of memory that processes of a node share. They live until MPI ends: freeing one is collective.
enum SharedWindows {
    private nonisolated(unsafe) static var windows: [MPI_Win?] = []

    static func allocate(
        byteCount: Int, isWriter: Bool, _ communicator: MPI_Comm
    ) throws(CollectiveError) -> Storage {
        var window: MPI_Win?
        var base: UnsafeMutableRawPointer?
        try MPIGroup.check(
            "MPI_Win_allocate_shared",
            MPI_Win_allocate_shared(isWriter ? byteCount : 0, 1, cmpi_info_null(), communicator, &base, &window))
        windows.append(window)
        var size: MPI_Aint = 0
        var unit: Int32 = 0
        try MPIGroup.check("MPI_Win_shared_query", MPI_Win_shared_query(window, 0, &size, &unit, &base))
        guard let base, size >= byteCount else {
            throw CollectiveError(operation: "MPI_Win_shared_query", message: "\(size) bytes of \(byteCount) are there")
        }
        return Storage(borrowing: base, byteCount: byteCount)
    }

    /// Called by all ranks, before MPI ends.
    static func freeAll() {
        for index in windows.indices { MPI_Win_free(&windows[index]) }
        windows = []
    }
}

/// Room that is left for memory which processes of this node share, in bytes; nil where the system does not tell.
public func sharedMemoryRoom() -> Int? {
    var status = statvfs()
    guard statvfs("/dev/shm", &status) == 0 else { return nil }
    return Int(status.f_bavail) * Int(status.f_frsize)
}
