import Foundation

/// Files below `/proc` and `/sys`: the kernel writes their content while they are read.
public enum SystemFile {
    /// The file's full text; nil if it can't be read. Such a file has the size 0. So this reads to the end through a handle:
    /// Foundation's reading by path stops after a page of 4 KiB.
    public static func text(_ path: String) -> String? {
        guard let file = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? file.close() }
        return (try? file.readToEnd()).flatMap { $0 }.map { String(decoding: $0, as: UTF8.self) }
    }
}
