import Files
import Foundation
import Settings

/// A model's folder that is written beside its destination and takes its place whole, or not at all.
///
/// It is filled under a temporary sibling name. `commit()` renames an existing destination aside, renames the new folder
/// onto it and removes the old model's files. Files that are not a model's move into the new folder; nothing else is removed.
/// Killed between the two renames, both folders still exist, and the next replacement of the same destination puts the old one
/// back before it starts. Dropped uncommitted, the new folder is removed; one that a killed process left is removed by the next
/// replacement, which knows it by its free lock.
final class FolderReplacement {
    /// Where the destination's content is to be written.
    let path: String
    /// The destination, absolute, links resolved.
    let destination: String
    private let lock: Int32
    private let parents: MadeFolders
    private var isCommitted = false

    /// - Parameters:
    ///   - destination: need not exist; its parents are made.
    ///   - others: what becomes of files that are not a model's.
    ///   - protected: folders that must survive, mapped checkpoints for instance.
    /// - Throws: `Failure`: configuration where the destination must not be replaced, else input/output.
    init(of destination: String, others: OtherFiles, protecting protected: [String]) throws(Failure) {
        let parents = MadeFolders(above: destination)
        let place = try FolderReplacement.resolve(destination, making: true)
        try FolderReplacement.recover(place)
        try FolderReplacement.check(place, shownAs: destination, others: others, protected: protected)
        FolderReplacement.removeStale(of: place)
        let identity = "\(getpid())-\(String(UInt32.random(in: 0...UInt32.max), radix: 16))"
        let path = FolderReplacement.partialPrefix(of: place) + identity
        guard mkdir(path, 0o777) == 0 else { throw .system(path, "can't be created") }
        lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard lock >= 0 else {
            let failure = Failure.system(path, "can't be opened")
            rmdir(path)
            throw failure
        }
        // Where locks are not supported the folder is written all the same: only the clean-up after a kill is lost.
        _ = flock(lock, LOCK_EX | LOCK_NB)
        self.path = path
        self.destination = place
        self.parents = parents
    }

    deinit {
        if !isCommitted { try? FileManager.default.removeItem(atPath: path) }
        close(lock)
    }

    /// Puts the new folder in the destination's place. Its files must be on disk already.
    ///
    /// - Throws: `Failure` (input/output): the destination is then as it was, or, where only the last synchronisation
    ///   failed, new with the old one still beside it.
    func commit() throws(Failure) {
        invariant(!isCommitted, "a folder is put in place once")
        try FolderReplacement.synchronise(lock, path)
        let parent = (destination as NSString).deletingLastPathComponent
        let descriptor = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(parent, "can't be opened") }
        defer { close(descriptor) }
        try FolderReplacement.swap(path, into: destination)
        isCommitted = true
        parents.areKept = true
        try FolderReplacement.synchronise(descriptor, parent)
        // The new folder is in place: a rest of the old one is no failure, and the next replacement settles it.
        FolderReplacement.settle(FolderReplacement.asideName(of: destination), into: destination)
    }

    /// Renames `new` to `destination`, an existing destination to its aside name first, and back if the rest fails.
    static func swap(_ new: String, into destination: String) throws(Failure) {
        let aside = asideName(of: destination)
        let exists = FileManager.default.fileExists(atPath: destination)
        if exists {
            guard rename(destination, aside) == 0 else { throw .system(destination, "can't be renamed") }
        }
        guard rename(new, destination) == 0 else {
            let failure = Failure.system(destination, "can't be replaced")
            if exists { rename(aside, destination) }
            throw failure
        }
    }

    /// Empties the old folder: files that the new one replaces, and those of a model, are removed; all others move into the new
    /// one. What can be neither stays.
    private static func settle(_ aside: String, into destination: String) {
        for name in names(in: aside) {
            let (old, new) = ("\(aside)/\(name)", "\(destination)/\(name)")
            if FileStatus(unfollowed: new) != nil || ModelFolderFile.isOne(name, in: aside) {
                unlink(old)
            } else {
                rename(old, new)
            }
        }
        rmdir(aside)
    }

    /// Brings a folder's names to disk, where its file system can do that.
    private static func synchronise(_ folder: Int32, _ path: String) throws(Failure) {
        guard fsync(folder) == 0 || errno == EINVAL || errno == ENOTSUP else {
            throw .system(path, "can't be brought to disk")
        }
    }

    private static func asideName(of destination: String) -> String { sibling(of: destination, "tandem-previous") }
    private static func partialPrefix(of destination: String) -> String { sibling(of: destination, "tandem-partial-") }

    private static func sibling(of destination: String, _ suffix: String) -> String {
        let path = destination as NSString
        return "\(path.deletingLastPathComponent)/.\(path.lastPathComponent).\(suffix)"
    }

    /// The absolute path with links resolved, as far as it exists.
    ///
    /// - Parameter making: folders above it are made.
    static func resolve(_ destination: String, making: Bool) throws(Failure) -> String {
        if let existing = realPath(destination) { return existing }
        let path = Path(destination)
        guard FileStatus(unfollowed: path.text)?.isLink != true else {
            throw .configuration(
                destination, "is a symbolic link that leads nowhere", remedy: "Remove the link, or name another folder.")
        }
        if making {
            do {
                try FileManager.default.createDirectory(atPath: path.parent, withIntermediateDirectories: true)
            } catch {
                throw .inputOutput(path.parent, "can't be created", remedy: "Check the path and its permissions.")
            }
        }
        let parent = realPath(path.parent)
        guard let resolved = parent ?? (making ? nil : path.parent) else { throw .system(path.parent, "can't be resolved") }
        return (resolved as NSString).appendingPathComponent(path.name)
    }

    /// Ends a replacement that was killed between its renames, or before the old folder was removed.
    private static func recover(_ destination: String) throws(Failure) {
        let aside = asideName(of: destination)
        guard FileManager.default.fileExists(atPath: aside) else { return }
        if FileManager.default.fileExists(atPath: destination) {
            settle(aside, into: destination)
        } else {
            guard rename(aside, destination) == 0 else { throw .system(aside, "can't be put back") }
        }
    }

    /// Removes folders of killed processes: those whose lock is free.
    private static func removeStale(of destination: String) {
        let prefix = partialPrefix(of: destination) as NSString
        let parent = prefix.deletingLastPathComponent
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        for name in names where name.hasPrefix(prefix.lastPathComponent) {
            let path = "\(parent)/\(name)"
            let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { try? FileManager.default.removeItem(atPath: path) }
            close(descriptor)
        }
    }
}

/// A destination's path, absolute and without `..`. It is made absolute first: of a relative one Foundation takes a `~` for a home
/// folder, which is a name like any other here, since options and settings are expanded where they are read.
private struct Path {
    let text: String
    let parent: String
    let name: String

    init(_ path: String) {
        let absolute = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        text = (absolute as NSString).standardizingPath
        parent = folder(of: text)
        name = (text as NSString).lastPathComponent
    }
}

/// The folders above a destination that are not there yet. Unless they are kept, those that stay empty go when this goes.
private final class MadeFolders {
    /// The innermost first.
    private let paths: [String]
    var areKept = false

    init(above destination: String) {
        var paths: [String] = []
        var parent = Path(destination).parent
        while parent != "/", !FileManager.default.fileExists(atPath: parent) {
            paths.append(parent)
            parent = folder(of: parent)
        }
        self.paths = paths
    }

    deinit {
        if !areKept { for path in paths { rmdir(path) } }
    }
}
