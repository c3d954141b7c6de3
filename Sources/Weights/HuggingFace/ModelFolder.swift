import Files
import Foundation
import Settings

/// A folder that holds one model and is replaced as one.
enum ModelFolder {
    /// Begins to replace a model's folder. Files that are not a model's move into the new folder; nothing else is removed.
    ///
    /// - Parameters:
    ///   - others: what becomes of files that are not a model's.
    ///   - protected: folders that must survive, mapped checkpoints for instance.
    /// - Throws: `Failure`: configuration where the destination must not be replaced, else input/output.
    static func replacement(
        of destination: String, others: OtherFiles, protecting protected: [String]
    ) throws(Failure) -> FolderReplacement {
        try FolderReplacement(of: destination, isOwn: ModelFolderFile.isOne) { (place) throws(Failure) in
            try check(place, shownAs: destination, others: others, protected: protected)
        }
    }

    /// Refuses a destination that is no model's place. Nothing is made or changed: to be asked before any work.
    ///
    /// - Parameters:
    ///   - place: the absolute path, with links resolved.
    ///   - shown: the path as the user gave it.
    /// - Throws: `Failure` (configuration).
    static func check(
        _ place: String, shownAs shown: String, others: OtherFiles, protected: [String]
    ) throws(Failure) {
        for folder in protected {
            guard let other = realPath(folder) else { continue }
            guard other != place && !other.hasPrefix(place == "/" ? "/" : place + "/") else {
                throw refusal(shown, "would replace \(folder), which is being read")
            }
        }
        guard let status = FileStatus(place) else { return }
        guard status.isFolder else { throw refusal(shown, "is a file, but a model is a folder") }
        if let reason = ReservedFolder.reason(for: place) { throw refusal(shown, "\(reason), not a folder for a model alone") }
        guard FileStatus(folder(of: place))?.device == status.device else {
            throw .configuration(
                shown, "is a mount point, which can't be replaced", remedy: "Name a folder in it: \(shown)/model.")
        }
        switch others {
        case .refused: try checkHoldsModelAlone(place, shownAs: shown)
        case .kept: try checkMovable(place, device: status.device, shownAs: shown)
        }
    }

    private static func checkHoldsModelAlone(_ place: String, shownAs shown: String) throws(Failure) {
        let (present, other) = (names(in: place), ModelFolderFile.firstOther(in: place))
        let hasConfiguration = present.contains("config.json")
        guard let named = other ?? (hasConfiguration ? nil : present.first) else { return }
        let reason =
            hasConfiguration
            ? "holds \(named.printable), \(ModelFolderFile.objection(to: named)), so it is not replaced"
            : "holds \(named.printable) and holds no config.json, so it is not a model's folder and is not replaced"
        throw .configuration(
            shown, reason,
            remedy: "Name another destination folder, or use --overwrite to put the model beside the other files.")
    }

    /// Checks that a rename can move every folder in `place`, and that no folder has the name of a model's file.
    private static func checkMovable(_ place: String, device: UInt64, shownAs shown: String) throws(Failure) {
        for name in names(in: place) {
            guard let status = FileStatus(unfollowed: "\(place)/\(name)"), status.isFolder else { continue }
            if status.device != device { throw refusal(shown, "holds the mount point \(name.printable), which can't be moved") }
            if ModelFolderFile.isName(name) {
                throw refusal(shown, "holds a folder \(name.printable), but the model needs a file with this name")
            }
        }
    }

    private static func refusal(_ place: String, _ reason: String) -> Failure {
        .configuration(place, reason, remedy: "Name another destination folder.")
    }
}
