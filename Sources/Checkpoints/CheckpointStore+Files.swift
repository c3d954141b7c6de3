import Files
import Foundation

// Rules for removing files from the folder of checkpoints. People keep notes beside their checkpoints, so only files that a run
// writes are ever removed.

extension CheckpointFolder {
    /// Whether a run writes a file with this name into a checkpoint.
    static func isOwn(_ name: String) -> Bool {
        ownNames.contains(name) || name == RecordTableFile.name || name.wholeMatch(of: /tensor-[0-9]+-data-[0-9]+\.h5/) != nil
    }

    /// Whether the folder holds a file that no run wrote.
    var holdsOthers: Bool { names(in: path).contains { !CheckpointFolder.isOwn($0) } }

    /// Whether the checkpoint's own files are gone and only other files are left.
    var holdsOnlyOthers: Bool {
        let present = names(in: path)
        return !present.isEmpty && !present.contains(where: CheckpointFolder.isOwn)
    }

    /// Removes the checkpoint's files, and the folder if it is then empty.
    func remove() throws { try OwnFiles.remove(from: path, where: CheckpointFolder.isOwn) }
}

extension CheckpointStore {
    /// Removes everything that runs have written here: checkpoints, checkpoints that were set aside, and leftovers. Removes the
    /// folder if it is then empty. Called by one rank.
    public func removeAll() throws {
        for name in Files.names(in: folder) {
            if name.wholeMatch(of: /step-[0-9]+|\.step-[0-9]+\.[a-z]+/) != nil {
                try CheckpointFolder(path: "\(folder)/\(name)").remove()
            } else if name.wholeMatch(of: /set-aside-[0-9]+/) != nil {
                try CheckpointStore(folder: "\(folder)/\(name)").removeAll()
            } else if name == "metrics.jsonl" {
                try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
            }
        }
        rmdir(folder)
    }
}
