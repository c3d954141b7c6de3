import Foundation
import Settings

/// A file's size and SHA-256, for comparing contents.
public struct FileDigest: Equatable, Sendable {
    /// The file's size in bytes.
    public let bytes: Int
    /// 64 hexadecimal digits.
    public let sha256: String

    public init(bytes: Int, sha256: String) {
        self.bytes = bytes
        self.sha256 = sha256
    }

    /// Reads the whole file, 4 MiB at a time.
    ///
    /// - Throws: `Failure`: missing input if the file can't be opened; damaged data if it is not a regular file; input/output
    ///   if reading fails.
    public init(of path: String) throws(Failure) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw .missing(path, "can't be opened (\(FileDigest.systemReason))", remedy: "Check the path and its permissions.")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, (status.st_mode & S_IFMT) == S_IFREG else {
            throw .damaged(path, "is not a regular file", remedy: "Name the file itself.")
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 << 20, alignment: 64)
        defer { buffer.deallocate() }
        var hash = SHA256()
        var total = 0
        while true {
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw .inputOutput(path, "can't be read (\(FileDigest.systemReason))", remedy: "Check the disk's health.")
            }
            if count == 0 { break }
            hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            total += count
        }
        self.init(bytes: total, sha256: hash.digits())
    }

    private static var systemReason: String { String(cString: strerror(errno)) }
}
