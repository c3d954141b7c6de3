import Foundation
import Settings

/// What the file system says about a path, symbolic links followed.
struct FileStatus {
    let byteCount: Int
    let isFolder: Bool
    private let device: UInt64
    private let inode: UInt64

    /// Nil when nothing is there, or it can't be seen.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        byteCount = Int(status.st_size)
        isFolder = (status.st_mode & S_IFMT) == S_IFDIR
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
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

/// A file that is being written beside its destination. Unless it is published, it goes when this goes.
final class TemporaryFile {
    let path: String
    let destination: String
    private var exists = true

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
        // Unique beside other processes and other writers of this one.
        path = "\(destination).partial-\(getpid())-\(String(UInt32.random(in: .min ... .max), radix: 16))"
    }

    deinit { remove() }

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
