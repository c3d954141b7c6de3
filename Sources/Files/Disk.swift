import Foundation
import Settings

/// What a file system has to be told so that a power cut loses nothing.
public enum Disk {
    /// Waits until a file's bytes, or a folder's names, are on the disk.
    ///
    /// - Parameter place: what an error names instead of `path`.
    /// - Throws: `Failure` (input/output).
    public static func synchronize(_ path: String, reportedAs place: String? = nil) throws(Failure) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .inputOutput(place ?? path, "can't be opened again (\(systemReason()))", remedy: "Check the file system.")
        }
        defer { close(descriptor) }
        try synchronize(descriptor, place ?? path)
    }

    static func synchronize(_ descriptor: Int32, _ place: String) throws(Failure) {
        // Some cluster file systems have no such thing for folders.
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else {
            throw .inputOutput(
                place, "can't be brought to the disk (\(systemReason()))", remedy: "Check the disk's free space and health.")
        }
    }
}
