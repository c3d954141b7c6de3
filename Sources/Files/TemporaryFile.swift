import Foundation
import Settings

/// A file that is being written beside its destination. Unless it is published, it goes when this goes; one that a
/// killed process left is removed by the next of the same destination, which knows it by its free lock.
public final class TemporaryFile {
    public let path: String
    public let destination: String
    private var exists = true
    /// Of the descriptor that holds the lock; nil before `lock()`.
    private var lockHolder: Int32?

    /// - Throws: `Failure` when the destination's folder is missing, or the destination is a folder itself.
    public init(for destination: String) throws(Failure) {
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
    public func lock() {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = flock(descriptor, LOCK_EX | LOCK_NB)
        lockHolder = descriptor
    }

    /// Removes files of killed processes, as far as that can be done.
    private static func removeStale(of destination: String) {
        let parent = folder(of: destination)
        let prefix = (destination as NSString).lastPathComponent + suffix
        for name in names(in: parent) {
            guard name.hasPrefix(prefix), name.dropFirst(prefix.count).wholeMatch(of: /[0-9]+-[0-9a-f]+/) != nil
            else { continue }
            let path = "\(parent)/\(name)"
            let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
            guard descriptor >= 0 else { continue }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
            close(descriptor)
        }
    }

    public func remove() {
        guard exists else { return }
        exists = false
        unlink(path)
    }

    /// Waits until the bytes are on the disk.
    public func synchronize() throws(Failure) { try TemporaryFile.synchronize(path, reportedAs: destination) }

    /// Puts the file in its destination's place, in one step: a reader sees the old file or the new one.
    public func publish() throws(Failure) {
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

extension TemporaryFile {
    /// Writes a whole file: `path` holds all of `content`, or what it held before.
    ///
    /// - Throws: `Failure` (input/output).
    public static func write(_ content: some Collection<UInt8>, to path: String) throws(Failure) {
        let temporary = try TemporaryFile(for: path)
        let descriptor = open(temporary.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw unwritable(path) }
        var status = Array(content).withUnsafeBytes { writeAll($0, to: descriptor) }
        if status, fsync(descriptor) != 0 { status = false }
        let reason = systemReason()
        guard close(descriptor) == 0, status else {
            throw .inputOutput(path, "can't be written (\(reason))", remedy: "Check the free space, the path and its permissions.")
        }
        try temporary.publish()
    }

    private static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        var written = 0
        while written < bytes.count {
            let count = Foundation.write(descriptor, bytes.baseAddress! + written, bytes.count - written)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            written += count
        }
        return true
    }

    private static func unwritable(_ path: String) -> Failure {
        .inputOutput(path, "can't be created (\(systemReason()))", remedy: "Check the folder's permissions.")
    }
}
