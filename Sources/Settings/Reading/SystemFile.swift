import Foundation

/// Files that the kernel makes up as they are read, below `/proc` and `/sys`.
public enum SystemFile {
    /// All of its text; nil where it can't be read. Such files have no size, and what Foundation reads by their path ends after
    /// a page of 4 KiB.
    public static func text(_ path: String) -> String? {
        guard let file = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? file.close() }
        return (try? file.readToEnd()).flatMap { $0 }.map { String(decoding: $0, as: UTF8.self) }
    }
}
