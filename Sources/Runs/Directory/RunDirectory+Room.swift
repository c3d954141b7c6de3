import Checkpoints
import Foundation
import Settings

extension RunDirectory {
    /// Refuses a folder whose disk has no room for the model that the run ends with: better now than after days of training.
    ///
    /// - Parameter isReplacing: the files of the run that is there will be gone.
    /// - Throws: `Failure` (input/output).
    public func checkRoom(forExportOf run: ResolvedRun, replacing isReplacing: Bool) throws(Failure) {
        let byteCount = run.exportByteCount
        guard var free = DiskRoom.freeByteCount(at: path) else { return }
        if isReplacing { free += earlierByteCount }
        guard free < byteCount else { return }
        throw .inputOutput(
            "run.directory = \(path)",
            "has \(DiskRoom.shown(free)) of free space, and the model that the run exports takes \(DiskRoom.shown(byteCount)) "
                + "(\(String(cString: strerror(ENOSPC))))",
            remedy: "Free some space, or choose another directory.")
    }

    /// What an earlier run's files take on the disk.
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
    /// Of the weights of one exported model.
    public var exportByteCount: Double {
        (configuration.export.dtype == .bfloat16 ? 2 : 4) * Double(policy.configuration.parameterCount)
    }
}
