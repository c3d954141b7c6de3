import Files
import Foundation
import Settings

/// A model's folder that is written beside its destination and replaces it completely or not at all.
///
/// The new folder first has a temporary name beside the destination. `commit()` renames an existing destination aside, gives
/// the new folder its name and removes the old model's files. Files that are not a model's move into the new folder. Nothing
/// else is removed. If the process is killed between the two renames, both folders still exist, and the next replacement of the
/// same destination first puts the old folder back. An uncommitted folder is removed. The next replacement removes the folder
/// of a killed process, which it finds by its free lock.
final class FolderReplacement {
    /// The new folder, in which the content is to be written.
    let path: String
    /// The absolute path of the destination, with links resolved.
    let destination: String
    private let lock: Int32
    private let parents: MadeFolders
    private var isCommitted = false

    /// - Parameters:
    ///   - destination: need not exist. Missing parent folders are created.
    ///   - others: how to treat files that are not a model's.
    ///   - protected: folders that must stay, for instance mapped checkpoints.
    /// - Throws: `Failure`: configuration if the destination must not be replaced, otherwise input/output.
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
        // Without support for locks the folder is written too. Only the clean-up after a kill then does not work.
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
    /// - Throws: `Failure` (input/output). The destination is then unchanged. If only the last synchronisation failed, the
    ///   destination is new and the old folder is still beside it.
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
        // The new folder is in place. Remains of the old folder are no failure: the next replacement removes them.
        FolderReplacement.settle(FolderReplacement.asideName(of: destination), into: destination)
    }

    /// Renames an existing destination to its aside name, then `new` to `destination`. Undoes the first rename if the second
    /// fails.
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

    /// Empties the old folder. Removes a model's files and files that the new folder replaces, and moves all other files into
    /// the new folder. Files that can be neither removed nor moved stay.
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

    /// Brings the names in a folder to disk, if the file system supports it.
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

    /// The absolute path of `destination`, with the links in its existing part resolved.
    ///
    /// - Parameter making: whether missing parent folders are created.
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

    /// Completes or undoes a replacement that was killed between its renames or before the old folder was removed.
    private static func recover(_ destination: String) throws(Failure) {
        let aside = asideName(of: destination)
        guard FileManager.default.fileExists(atPath: aside) else { return }
        if FileManager.default.fileExists(atPath: destination) {
            settle(aside, into: destination)
        } else {
            guard rename(aside, destination) == 0 else { throw .system(aside, "can't be put back") }
        }
    }

    /// Removes new folders of killed processes. The lock of such a folder is free.
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

/// A destination's path, absolute and without `..`. The path is made absolute first, because Foundation expands a `~` at the
/// start of a relative path. Here `~` is an ordinary name: options and settings expand it when they are read.
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

/// The missing folders above a destination. Unless they are kept, the empty ones are removed when this object is released.
private final class MadeFolders {
    /// The paths, the innermost first.
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
