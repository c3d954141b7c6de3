import Foundation
import Settings

/// A folder that takes the place of an older one of the same program, in two renames.
///
/// The older folder goes aside, the new one takes its name, and then the older one is emptied: files of the program are
/// removed, all other files move into the new folder. Killed between the renames, both folders still exist, and `recover`
/// puts the older one back.
public struct FolderSwap {
    /// The folder's final path.
    let destination: String
    /// Where the older folder waits, in the same parent.
    let aside: String
    /// Whether the file of that name in a folder is the program's own: only those are removed.
    let isOwn: (_ name: String, _ folder: String) -> Bool

    public init(of destination: String, aside: String, isOwn: @escaping (_ name: String, _ folder: String) -> Bool) {
        self.destination = destination
        self.aside = aside
        self.isOwn = isOwn
    }

    /// Renames `new` to the destination. An older folder goes aside first, and back if the rest fails.
    ///
    /// - Throws: `Failure` (input/output): the destination is then as it was.
    func swap(_ new: String) throws(Failure) {
        let exists = FileStatus(unfollowed: destination) != nil
        if exists {
            guard rename(destination, aside) == 0 else { throw .system(destination, "can't be renamed") }
        }
        guard rename(new, destination) == 0 else {
            let failure = Failure.system(destination, "can't be replaced")
            if exists { rename(aside, destination) }
            throw failure
        }
    }

    /// Empties the older folder, as far as that can be done: what stays is settled by the next `recover`.
    func settle() {
        for name in names(in: aside) {
            let (old, new) = ("\(aside)/\(name)", "\(destination)/\(name)")
            if FileStatus(unfollowed: new) != nil || isOwn(name, aside) {
                unlink(old)
            } else {
                rename(old, new)
            }
        }
        rmdir(aside)
    }

    /// Puts `new`, whose files are on the disk, in the destination's place for good.
    ///
    /// - Throws: `Failure` (input/output): the destination is then as it was, or, if only the last synchronisation failed,
    ///   new, with the older folder still beside it.
    public func replace(with new: String) throws(Failure) {
        try Disk.synchronize(new)
        try swap(new)
        try Disk.synchronize(folder(of: destination))
        // The new folder is in place: a rest of the older one is no failure.
        settle()
    }

    /// Ends a swap that was killed between its renames, or before the older folder was emptied.
    ///
    /// - Throws: `Failure` (input/output).
    public func recover() throws(Failure) {
        guard FileStatus(unfollowed: aside) != nil else { return }
        if FileStatus(unfollowed: destination) != nil { return settle() }
        guard rename(aside, destination) == 0 else { throw .system(aside, "can't be put back") }
    }
}
