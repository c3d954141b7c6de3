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

/// Room that is left for memory which processes of this node share, in bytes; nil where the system does not tell.
public func sharedMemoryRoom() -> Int? {
    var status = statvfs()
    guard statvfs("/dev/shm", &status) == 0 else { return nil }
    return Int(status.f_bavail) * Int(status.f_frsize)
}
