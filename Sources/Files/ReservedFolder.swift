import Foundation
import Settings

/// Folders that are never a run's or a model's own, even where they are empty.
public enum ReservedFolder {
    private static let systems = [
        "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "proc", "root", "run", "sbin", "sys", "tmp", "usr", "var",
    ]

    /// "is your home folder", and so on; nil for any other folder, and for one that is not there.
    public static func reason(for path: String) -> String? {
        guard let status = FileStatus(path), status.isFolder else { return nil }
        func isSame(as other: String) -> Bool { FileStatus(other).map(status.isSameFile) ?? false }
        if isSame(as: "/") { return "is the root of the file system" }
        if let home = HomeFolder.own(), isSame(as: home) { return "is your home folder" }
        return systems.contains { isSame(as: "/\($0)") } ? "is a folder of the system" : nil
    }
}
