import Foundation
import Settings
import Synchronization

/// A block of memory with one owner: allocated by Tandem, or a file mapped from disk.
///
/// Views (`Matrix`, `StoredMatrix`) hold a reference to it, so memory outlives every view into it.
/// Threads of one rank share storage and write disjoint parts of it; nothing here locks.
public final class Storage: @unchecked Sendable {
    public let base: UnsafeMutableRawPointer
    public let byteCount: Int
    /// 0 where someone else unmaps it.
    private let mappedByteCount: Int

    /// Blocks that this process has allocated so far, mapped files aside. Tests see by it that a training step, once its
    /// scratch has grown, allocates nothing: fresh pages cost a fault each, and a kernel that zeroes them.
    public static var allocationCount: Int { allocations.load(ordering: .relaxed) }
    private static let allocations = Atomic<Int>(0)

    /// Ends the process where the system refuses memory for a buffer of so many bytes. A program sets it before it has threads.
    nonisolated(unsafe) public static var whenRefused: (Int) -> Never = { byteCount in
        brokenInvariant("out of memory: \(byteCount) bytes for a buffer were refused")
    }

    /// Anonymous memory, zeroed, page-aligned, with huge pages asked for (first touch is slow on virtual machines).
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

    /// `path`, mapped read-only and shared: all ranks of a node read one physical copy.
    ///
    /// - Throws: `Failure` (missing, or input/output) when the file can't be opened or is empty.
    public init(mapping path: String) throws(Failure) {
        // Without waiting: a pipe that nobody writes to is refused like any other file that is none.
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

    /// Memory of someone else's, which lives as long as anyone reads it.
    public init(borrowing base: UnsafeMutableRawPointer, byteCount: Int) {
        self.base = base
        self.byteCount = byteCount
        mappedByteCount = 0
    }

    deinit { if mappedByteCount > 0 { munmap(base, mappedByteCount) } }

    /// Linux's `MADV_HUGEPAGE`, which the platform module does not export.
    private static let hugePages: Int32 = 14
}
