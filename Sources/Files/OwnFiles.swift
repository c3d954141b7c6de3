import Foundation

/// Removing what a program made from a folder that others may have used too.
public enum OwnFiles {
    /// Removes the files of `folder` for which `isOwn` is true, and the folder where nothing else is in it.
    ///
    /// - Parameter isOwn: asked of each entry's name; folders are never removed.
    public static func remove(from folder: String, where isOwn: (String) -> Bool) throws {
        for name in names(in: folder) where isOwn(name) {
            let path = "\(folder)/\(name)"
            guard FileStatus(unfollowed: path)?.isFolder == false else { continue }
            try FileManager.default.removeItem(atPath: path)
        }
        rmdir(folder)
    }
}
