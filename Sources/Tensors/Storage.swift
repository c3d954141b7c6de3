import Foundation
import Settings
import Synchronization

/// A block of memory with one owner: allocated by Tandem, or a file mapped from disk.
///
/// Views (`Matrix`, `StoredMatrix`) hold a reference to it, so memory outlives every view into it.
/// Threads of one rank share storage and write disjoint parts of it; there are no locks.
public final class Storage: @unchecked Sendable {
    public let base: UnsafeMutableRawPointer
    public let byteCount: Int
    /// 0 if another owner unmaps the memory.
    private let mappedByteCount: Int

    /// Number of blocks that this process has allocated so far, without mapped files. Tests check with it that a training
    /// step allocates nothing once its scratch memory has grown: each fresh page costs a page fault, and the operating system
    /// zeroes it.
    public static var allocationCount: Int { allocations.load(ordering: .relaxed) }
    private static let allocations = Atomic<Int>(0)

    /// Called with a buffer's size in bytes when the system refuses its memory. It ends the process. A program sets it before
    /// it starts threads.
    nonisolated(unsafe) public static var whenRefused: (Int) -> Never = { byteCount in
        brokenInvariant("out of memory: the system refused \(byteCount) bytes for a buffer")
    }

    /// Anonymous memory, zeroed and page-aligned. It requests huge pages, because first touch is slow on virtual machines.
    public init(floatCount: Int) {
        invariant(floatCount >= 0, "a size is not negative")
        byteCount = floatCount * MemoryLayout<Float>.stride
        mappedByteCount = max(byteCount, 1)
        let address = mmap(nil, mappedByteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let address, address != MAP_FAILED else {
            Storage.whenRefused(byteCount)
        }
        madvise(address, mappedByteCount, Storage.hugePages)
        Storage.allocations.add(1, ordering: .relaxed)
        base = address
    }

    /// Maps `path` read-only and shared: all ranks of a node read one physical copy.
    ///
    /// - Throws: `Failure`: missing if the file can't be opened, damaged if it is empty or not a regular file, input/output
    ///   if it can't be mapped.
    public init(mapping path: String) throws(Failure) {
        // Non-blocking: a pipe without a writer is refused, as every file that is not regular, instead of waited for.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw .missing(
                path, "can't be opened (\(String(cString: strerror(errno))))", remedy: "Check the path and its permissions.")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, (status.st_mode & S_IFMT) == S_IFREG else {
            throw .damaged(path, "is not a regular file", remedy: "Name the file itself.")
        }
        guard status.st_size > 0 else {
            var byte: UInt8 = 0
            guard pread(descriptor, &byte, 1, 0) == 0 else {
                throw .damaged(path, "is not a stored file: it has no size", remedy: "Name the file itself.")
            }
            throw .damaged(path, "is empty", remedy: "Download or export it again.")
        }
        byteCount = Int(status.st_size)
        mappedByteCount = byteCount
        let address = mmap(nil, mappedByteCount, PROT_READ, MAP_SHARED, descriptor, 0)
        guard let address, address != MAP_FAILED else {
            throw .inputOutput(
                path, "can't be mapped (\(String(cString: strerror(errno))))", remedy: "Check the file system and memory limits.")
        }
        base = address
    }

    /// Memory of another owner. It must live as long as any view into it.
    public init(borrowing base: UnsafeMutableRawPointer, byteCount: Int) {
        self.base = base
        self.byteCount = byteCount
        mappedByteCount = 0
    }

    deinit { if mappedByteCount > 0 { munmap(base, mappedByteCount) } }

    /// Linux's `MADV_HUGEPAGE`, which the platform module does not export.
    private static let hugePages: Int32 = 14
}
