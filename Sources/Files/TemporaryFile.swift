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
        _ = FileLock.take(descriptor)
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
            if FileLock.take(descriptor) == .free { unlink(path) }
            close(descriptor)
        }
    }

    public func remove() {
        guard exists else { return }
        exists = false
        unlink(path)
    }

    /// Waits until the bytes are on the disk.
    public func synchronize() throws(Failure) { try Disk.synchronize(path, reportedAs: destination) }

    /// Puts the file in its destination's place, in one step: a reader sees the old file or the new one.
    public func publish(waitsForDisk: Bool = true) throws(Failure) {
        guard rename(path, destination) == 0 else {
            throw .inputOutput(
                destination, "can't be put in place (\(systemReason()))", remedy: "Check the folder's permissions.")
        }
        exists = false
        if waitsForDisk { try Disk.synchronize(folder(of: destination), reportedAs: destination) }
    }
}

extension TemporaryFile {
    /// Writes a whole file: `path` holds all of `content`, or what it held before.
    ///
    /// - Parameter waitsForDisk: if false, a power cut may leave the old content or none. A busy disk takes seconds to confirm.
    /// - Throws: `Failure` (input/output).
    public static func write(_ content: some Collection<UInt8>, to path: String, waitsForDisk: Bool = true) throws(Failure) {
        let temporary = try TemporaryFile(for: path)
        let file = try FileWriter(path: temporary.path, reportedAs: path, bufferByteCount: min(max(content.count, 8), 1 << 20))
        try file.write(content)
        try file.finish(waitsForDisk: waitsForDisk)
        try temporary.publish(waitsForDisk: waitsForDisk)
    }
}
