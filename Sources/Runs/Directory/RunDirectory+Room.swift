import Checkpoints
import Foundation
import Settings

extension RunDirectory {
    /// Refuses a folder whose disk has no room for the exported model: better before the training than after days of it.
    ///
    /// - Parameter isReplacing: whether the files of the earlier run in the folder will be removed.
    /// - Throws: `Failure` (input/output).
    public func checkRoom(forExportOf run: ResolvedRun, replacing isReplacing: Bool) throws(Failure) {
        let byteCount = run.exportByteCount
        guard var free = DiskRoom.freeByteCount(at: path) else { return }
        if isReplacing { free += earlierByteCount }
        guard free < byteCount else { return }
        throw .inputOutput(
            "run.directory = \(path)",
            "has \(DiskRoom.shown(free)) of free space, but the exported model takes \(DiskRoom.shown(byteCount)) "
                + "(\(String(cString: strerror(ENOSPC))))",
            remedy: "Free some space, or choose another directory.")
    }

    /// Disk space of an earlier run's files.
    private var earlierByteCount: Double {
        let keys: [URLResourceKey] = [.totalFileAllocatedSizeKey]
        let folder = URL(fileURLWithPath: path)
        return earlierFiles.reduce(0) { sum, name in
            let place = folder.appendingPathComponent(name)
            let inner = FileManager.default.enumerator(at: place, includingPropertiesForKeys: keys)?.allObjects as? [URL] ?? []
            return ([place] + inner).reduce(sum) {
                $0 + Double((try? $1.resourceValues(forKeys: Set(keys)))?.totalFileAllocatedSize ?? 0)
            }
        }
    }
}

extension ResolvedRun {
    /// Bytes of one exported model's weights.
    public var exportByteCount: Double {
        (configuration.export.dtype == .bfloat16 ? 2 : 4) * Double(policy.configuration.parameterCount)
    }
}
