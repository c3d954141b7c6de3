import Foundation
import Settings

/// Whether something can be made in a folder: found out by making it, since permissions alone don't tell (a read-only or special
/// file system, a server that knows another user).
enum FolderProbe {
    /// The system's word for what is in the way; nil where nothing is.
    static func obstacle(in folder: String) -> String? {
        let path = "\(folder)/.tandem-probe-\(getpid())-\(String(UInt32.random(in: .min ... .max), radix: 16))"
        guard mkdir(path, 0o700) == 0 else { return systemReason() }
        rmdir(path)
        return nil
    }
}
