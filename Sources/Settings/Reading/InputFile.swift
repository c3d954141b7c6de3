import Foundation

/// Reads small input files: configurations, tokenizers, descriptions of weights.
public enum InputFile {
    /// All bytes of a regular file. Symbolic links are followed.
    ///
    /// Other kinds of files are refused unread: reading a device or a pipe might never end.
    ///
    /// - Parameters:
    ///   - byteLimit: the largest plausible size. A larger file is refused unread.
    ///   - remedy: the error's remedy if there is no such file.
    /// - Throws: `Failure`: missing input if the file does not exist or can't be opened; damaged data if it is not a regular
    ///   file or is too large; input/output if reading fails.
    public static func bytes(path: String, byteLimit: Int, remedy: String) throws(Failure) -> [UInt8] {
        // O_NONBLOCK: otherwise opening a pipe without a writer would block.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw unopened(path, remedy: remedy) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, (status.st_mode & S_IFMT) == S_IFREG else {
            throw .damaged(path, "is not a regular file", remedy: "Name the file itself.")
        }
        guard Int(status.st_size) <= byteLimit else {
            throw .damaged(
                path, "is \(status.st_size) bytes long, and at most \(byteLimit) are plausible",
                remedy: "Check that this is the right file.")
        }
        if status.st_size == 0 {
            // A file below /proc has the size 0, but reading it gives a byte or an error.
            var byte: UInt8 = 0
            guard pread(descriptor, &byte, 1, 0) == 0 else {
                throw .damaged(path, "is not a stored file: it has no size", remedy: "Name the file itself.")
            }
        }
        return try content(of: descriptor, byteCount: Int(status.st_size), path: path)
    }

    /// The bytes without a byte order mark, which some editors put at the beginning of UTF-8 text.
    public static func withoutMark(_ bytes: [UInt8]) -> [UInt8] {
        bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
    }

    /// Why a file could not be opened. Must be called before `errno` can change.
    private static func unopened(_ path: String, remedy: String) -> Failure {
        switch errno {
        case ENOENT: .missing(path, "does not exist", remedy: remedy)
        case EACCES, EPERM:
            .missing(path, "may not be read (\(String(cString: strerror(errno))))", remedy: "Check its permissions.")
        default:
            .missing(path, "can't be opened (\(String(cString: strerror(errno))))", remedy: "Check the path.")
        }
    }

    private static func content(of descriptor: Int32, byteCount: Int, path: String) throws(Failure) -> [UInt8] {
        var status = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            while count < byteCount {
                status = read(descriptor, buffer.baseAddress! + count, byteCount - count)
                if status < 0 && errno == EINTR { continue }
                guard status > 0 else { return }
                count += status
            }
        }
        guard status >= 0 else {
            throw .inputOutput(
                path, "can't be read (\(String(cString: strerror(errno))))", remedy: "Check the file system.")
        }
        return bytes
    }
}
