import Foundation
import Settings

/// A folder that is written beside its destination and takes its place whole, or not at all.
///
/// It is filled under a temporary sibling name. `commit()` swaps it with an older folder (`FolderSwap`). Dropped uncommitted,
/// the new folder is removed. The next replacement of the same destination removes the new folder of a killed process, which
/// it knows by its free lock, and ends a swap that was interrupted.
public final class FolderReplacement {
    /// Where the destination's content is to be written.
    public let path: String
    private let swap: FolderSwap
    private let lock: Int32
    private let parents: MadeFolders
    private var isCommitted = false

    /// - Parameters:
    ///   - destination: need not exist. Missing parent folders are created.
    ///   - others: how to treat files that are not a model's.
    ///   - protected: folders that must stay, for instance mapped checkpoints.
    /// - Throws: `Failure`: configuration if the destination must not be replaced, otherwise input/output.
    public init(
        of destination: String, isOwn: @escaping (_ name: String, _ folder: String) -> Bool, check: (String) throws(Failure) -> Void
    ) throws(Failure) {
        let parents = MadeFolders(above: destination)
        let place = try FolderReplacement.resolve(destination, making: true)
        swap = FolderSwap(of: place, aside: FolderReplacement.sibling(of: place, "tandem-previous"), isOwn: isOwn)
        try swap.recover()
        try check(place)
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
        _ = FileLock.take(lock)
        self.path = path
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
    public func commit() throws(Failure) {
        invariant(!isCommitted, "a folder is put in place once")
        do throws(Failure) { try swap.replace(with: path) } catch {
            // The name is the destination's already where only the last synchronisation failed.
            isCommitted = FileStatus(unfollowed: path) == nil
            parents.areKept = isCommitted
            throw error
        }
        isCommitted = true
        parents.areKept = true
    }

    private static func partialPrefix(of destination: String) -> String { sibling(of: destination, "tandem-partial-") }

    private static func sibling(of destination: String, _ suffix: String) -> String {
        let path = destination as NSString
        return "\(path.deletingLastPathComponent)/.\(path.lastPathComponent).\(suffix)"
    }

    /// The absolute path of `destination`, with the links in its existing part resolved.
    ///
    /// - Parameter making: whether missing parent folders are created.
    public static func resolve(_ destination: String, making: Bool) throws(Failure) -> String {
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

    /// Removes folders of killed processes: those whose lock is free.
    private static func removeStale(of destination: String) {
        let prefix = partialPrefix(of: destination) as NSString
        let parent = prefix.deletingLastPathComponent
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        for name in names where name.hasPrefix(prefix.lastPathComponent) {
            let path = "\(parent)/\(name)"
            let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            if FileLock.take(descriptor) == .free { try? FileManager.default.removeItem(atPath: path) }
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
