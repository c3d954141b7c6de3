import Foundation

/// What the file system says about a path.
public struct FileStatus: Sendable {
    public let byteCount: Int
    public let isFolder: Bool
    /// No folder, link, pipe or device.
    public let isRegular: Bool
    /// A pipe, with a name or without.
    public let isPipe: Bool
    /// A symbolic link itself; only where links are not followed.
    public let isLink: Bool
    /// Names that lead to the same file.
    public let nameCount: Int
    public let device: UInt64
    private let inode: UInt64

    /// Symbolic links followed. Nil when nothing is there, or it can't be seen.
    public init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    /// What stands at the path itself, a symbolic link for one. Nil when nothing is there, or it can't be seen.
    public init?(unfollowed path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        byteCount = Int(status.st_size)
        isFolder = (status.st_mode & S_IFMT) == S_IFDIR
        isPipe = (status.st_mode & S_IFMT) == S_IFIFO
        isRegular = (status.st_mode & S_IFMT) == S_IFREG
        isLink = (status.st_mode & S_IFMT) == S_IFLNK
        nameCount = Int(status.st_nlink)
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }

    /// The kernel makes the file up: reads of it may end in an error, wait, or never end.
    public var isOfKernel: Bool {
        guard let root = FileStatus("/"), device != root.device else { return false }
        return ["/proc", "/sys", "/sys/kernel/debug", "/sys/kernel/tracing"].contains { FileStatus($0)?.device == device }
    }

    /// One file, whatever the two paths look like.
    public func isSameFile(as other: FileStatus) -> Bool { device == other.device && inode == other.inode }
}

/// The last failed system call, in the system's words.
public func systemReason() -> String { String(cString: strerror(errno)) }

/// The folder that a path's last component is in.
public func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// Names in a folder, hidden ones too, sorted; none where it can't be read.
public func names(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
}

/// The absolute path without links, `.` and `..`; nil where nothing is there.
public func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
}
