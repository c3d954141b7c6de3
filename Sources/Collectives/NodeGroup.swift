import CMPI
import Foundation
import Tensors

/// Ranks of one node that hold the same shard, so they may share memory.
public final class NodeGroup {
    /// This rank's index in the group, in `0..<size`.
    public let rank: Int
    public let size: Int
    /// Nil in a group of one rank, which needs no MPI.
    private let group: MPIGroup?

    init(_ group: MPIGroup) {
        self.group = group.size > 1 ? group : nil
        rank = group.rank
        size = group.size
    }

    /// A group of this process alone.
    public init() {
        group = nil
        rank = 0
        size = 1
    }

    /// Whether this rank writes the shared memory that all ranks of the group read.
    public var isWriter: Bool { rank == 0 }

    /// Allocates `floatCount` floats once for the whole group. `write` fills them on the first rank; all ranks return after
    /// that. Collective over the group.
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
    /// Memory shared by all ranks of the group, which are all on one node. Collective.
    fileprivate func window(byteCount: Int, isWriter: Bool) throws(CollectiveError) -> Storage {
        var storage: Storage?
        try timed(.window, byteCount, .bytes) { () throws(CollectiveError) in
            storage = try SharedWindows.allocate(byteCount: byteCount, isWriter: isWriter, communicator)
        }
        return storage!
    }
}

/// Free room for memory that processes of this node share, in bytes; nil if the system does not tell.
public func sharedMemoryRoom() -> Int? {
    var status = statvfs()
    guard statvfs("/dev/shm", &status) == 0 else { return nil }
    return Int(status.f_bavail) * Int(status.f_frsize)
}
