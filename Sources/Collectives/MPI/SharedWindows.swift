import CMPI
import Tensors

/// Windows of memory that the processes of a node share. They live until MPI ends, because freeing one is collective.
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
            throw CollectiveError(operation: "MPI_Win_shared_query", message: "\(size) bytes of \(byteCount) are available")
        }
        return Storage(borrowing: base, byteCount: byteCount)
    }

    /// Called by all ranks before MPI ends.
    static func freeAll() {
        for index in windows.indices { MPI_Win_free(&windows[index]) }
        windows = []
    }
}
