import Foundation
import Settings

/// What the file system says about a path, symbolic links followed.
struct FileStatus {
    let byteCount: Int
    let isFolder: Bool
    /// No folder, pipe or device.
    let isRegular: Bool
    /// A pipe, with a name or without.
    let isPipe: Bool
    private let device: UInt64
    private let inode: UInt64

    /// Nil when nothing is there, or it can't be seen.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        byteCount = Int(status.st_size)
        isFolder = (status.st_mode & S_IFMT) == S_IFDIR
        isPipe = (status.st_mode & S_IFMT) == S_IFIFO
        isRegular = (status.st_mode & S_IFMT) == S_IFREG
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }

    /// The kernel makes the file up: reads of it may end in an error, wait, or never end.
    var isOfKernel: Bool {
        guard let root = FileStatus("/"), device != root.device else { return false }
        return ["/proc", "/sys", "/sys/kernel/debug", "/sys/kernel/tracing"].contains { FileStatus($0)?.device == device }
    }

    /// One file, whatever the two paths look like.
    func isSameFile(as other: FileStatus) -> Bool { device == other.device && inode == other.inode }
}

/// The last failed system call, in the system's words.
func systemReason() -> String { String(cString: strerror(errno)) }

func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// A file that is being written beside its destination. Unless it is published, it goes when this goes; one that a
/// killed process left is removed by the next of the same destination, which knows it by its free lock.
final class TemporaryFile {
    let path: String
    let destination: String
    private var exists = true
    /// Of the descriptor that holds the lock; nil before `lock()`.
    private var lockHolder: Int32?

    /// - Throws: `Failure` when the destination's folder is missing, or the destination is a folder itself.
    init(for destination: String) throws(Failure) {
        let parent = folder(of: destination)
        guard FileStatus(parent)?.isFolder == true else {
            throw .missing(destination, "its folder \(parent) does not exist", remedy: "Create the folder first.")
        }
        guard FileStatus(destination)?.isFolder != true else {
            throw .inputOutput(destination, "is a folder", remedy: "Name a file in it.")
        }
        self.destination = destination
        TemporaryFile.removeStale(of: destination)
        // Unique beside other processes and other writers of this one.
        path = "\(destination)\(TemporaryFile.suffix)\(getpid())-\(String(UInt32.random(in: .min ... .max), radix: 16))"
    }

    deinit {
        remove()
        if let lockHolder { close(lockHolder) }
    }

    private static let suffix = ".partial-"

    /// Tells others that the file, which is there by now, is in use. Where locks are not supported it is written all the
    /// same: only the clean-up after a kill is lost.
    func lock() {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = flock(descriptor, LOCK_EX | LOCK_NB)
        lockHolder = descriptor
    }

    /// Removes files of killed processes, as far as that can be done.
    private static func removeStale(of destination: String) {
        let parent = folder(of: destination)
        let prefix = (destination as NSString).lastPathComponent + suffix
        for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? [] {
            guard name.hasPrefix(prefix), name.dropFirst(prefix.count).wholeMatch(of: /[0-9]+-[0-9a-f]+/) != nil
            else { continue }
            let path = "\(parent)/\(name)"
            let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
            guard descriptor >= 0 else { continue }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
            close(descriptor)
        }
    }

    func remove() {
        guard exists else { return }
        exists = false
        unlink(path)
    }

    /// Waits until the bytes are on the disk.
    func synchronize() throws(Failure) { try TemporaryFile.synchronize(path, reportedAs: destination) }

    /// Puts the file in its destination's place, in one step: a reader sees the old file or the new one.
    func publish() throws(Failure) {
        guard rename(path, destination) == 0 else {
            throw .inputOutput(
                destination, "can't be put in place (\(systemReason()))", remedy: "Check the folder's permissions.")
        }
        exists = false
        try TemporaryFile.synchronize(folder(of: destination), reportedAs: destination)
    }

    private static func synchronize(_ path: String, reportedAs place: String) throws(Failure) {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else {
            throw .inputOutput(place, "can't be opened again (\(systemReason()))", remedy: "Check the file system.")
        }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw .inputOutput(
                place, "can't be brought to the disk (\(systemReason()))", remedy: "Check the disk's room and health.")
        }
    }
}
