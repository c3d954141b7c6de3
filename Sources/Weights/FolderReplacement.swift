import Foundation
import Settings

/// A folder that is written beside its destination and takes its place whole, or not at all.
///
/// It is filled under a temporary sibling name. `commit()` renames an existing destination aside, renames the new folder
/// onto it and removes the old one. Killed between the two renames, both folders still exist, and the next
/// replacement of the same destination puts the old one back before it starts. Dropped uncommitted, the new folder is
/// removed; one that a killed process left is removed by the next replacement, which knows it by its free lock.
final class FolderReplacement {
    /// Where the destination's content is to be written.
    let path: String
    /// The destination, absolute, links resolved.
    let destination: String
    private let lock: Int32
    private let parents: MadeFolders
    private var isCommitted = false

    /// - Parameters:
    ///   - destination: need not exist; its parents are made. An existing one must be empty or hold `landmark`.
    ///   - landmark: a file that tells a folder of the same kind, so that nothing else is replaced.
    ///   - protected: folders that must survive, mapped checkpoints for instance.
    /// - Throws: `Failure`: configuration where the destination must not be replaced, else input/output.
    init(of destination: String, landmark: String, protecting protected: [String]) throws(Failure) {
        let standardised = (destination as NSString).standardizingPath
        let parents = MadeFolders(above: standardised)
        let place = try FolderReplacement.resolve(standardised)
        try FolderReplacement.recover(place)
        try FolderReplacement.checkReplaceable(place, shownAs: destination, landmark: landmark, protected: protected)
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
        precondition(!isCommitted)
        try FolderReplacement.synchronise(lock, path)
        let parent = (destination as NSString).deletingLastPathComponent
        let descriptor = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(parent, "can't be opened") }
        defer { close(descriptor) }
        try FolderReplacement.swap(path, into: destination)
        isCommitted = true
        parents.areKept = true
        try FolderReplacement.synchronise(descriptor, parent)
        // The new folder is in place: a rest of the old one is no failure, and the next replacement removes it.
        try? FileManager.default.removeItem(atPath: FolderReplacement.asideName(of: destination))
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

    /// The absolute path with links resolved, its parents made.
    private static func resolve(_ destination: String) throws(Failure) -> String {
        if let existing = realPath(destination) { return existing }
        let path = destination as NSString
        let parent = path.deletingLastPathComponent.isEmpty ? "." : path.deletingLastPathComponent
        do {
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        } catch {
            throw .inputOutput(parent, "can't be created", remedy: "Check the path and its permissions.")
        }
        guard let resolved = realPath(parent) else { throw .system(parent, "can't be resolved") }
        return (resolved as NSString).appendingPathComponent(path.lastPathComponent)
    }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Ends a replacement that was killed between its renames, or before the old folder was removed.
    private static func recover(_ destination: String) throws(Failure) {
        let aside = asideName(of: destination)
        guard FileManager.default.fileExists(atPath: aside) else { return }
        if FileManager.default.fileExists(atPath: destination) {
            try? FileManager.default.removeItem(atPath: aside)
        } else {
            guard rename(aside, destination) == 0 else { throw .system(aside, "can't be put back") }
        }
    }

    private static func checkReplaceable(
        _ destination: String, shownAs shown: String, landmark: String, protected: [String]
    ) throws(Failure) {
        for folder in protected {
            guard let other = realPath(folder) else { continue }
            guard other != destination && !other.hasPrefix(destination + "/") else {
                throw .configuration(
                    shown, "would replace \(folder), which is being read", remedy: "Name another destination folder.")
            }
        }
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: destination, isDirectory: &isDirectory) else { return }
        let content = try? FileManager.default.contentsOfDirectory(atPath: destination)
        guard isDirectory.boolValue, let content, content.isEmpty || content.contains(landmark) else {
            throw .configuration(
                shown, "exists and holds no \(landmark), so it is not replaced",
                remedy: "Name another destination folder, or remove this one.")
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

/// The folders above a destination that are not there yet. Unless they are kept, those that stay empty go when this goes.
private final class MadeFolders {
    /// The innermost first.
    private let paths: [String]
    var areKept = false

    init(above destination: String) {
        var paths: [String] = []
        var parent = (destination as NSString).deletingLastPathComponent
        while !parent.isEmpty, !FileManager.default.fileExists(atPath: parent) {
            paths.append(parent)
            parent = (parent as NSString).deletingLastPathComponent
        }
        self.paths = paths
    }

    deinit {
        if !areKept { for path in paths { rmdir(path) } }
    }
}
