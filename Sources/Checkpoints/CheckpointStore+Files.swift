import Files
import Foundation

// What is a checkpoint's in the folder of checkpoints. People keep notes beside their checkpoints: only files that a run writes are
// ever removed.

extension CheckpointFolder {
    /// Whether a run writes a file of that name into a checkpoint.
    static func isOwn(_ name: String) -> Bool {
        ownNames.contains(name) || name == RecordTableFile.name || name.wholeMatch(of: /tensor-[0-9]+-data-[0-9]+\.h5/) != nil
    }

    /// Someone put a file of their own into it.
    var holdsOthers: Bool { names(in: path).contains { !CheckpointFolder.isOwn($0) } }

    /// Of a checkpoint that is gone nothing but others' files is left.
    var holdsOnlyOthers: Bool {
        let present = names(in: path)
        return !present.isEmpty && !present.contains(where: CheckpointFolder.isOwn)
    }

    /// Removes its files, and the folder where nothing else is in it.
    func remove() throws { try OwnFiles.remove(from: path, where: CheckpointFolder.isOwn) }
}

extension CheckpointStore {
    /// Removes all that runs have kept here: checkpoints, those that were set aside, leftovers; and the folder where nothing else is
    /// in it. Called by one rank.
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
