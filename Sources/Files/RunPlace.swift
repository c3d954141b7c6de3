import Foundation
import Settings

/// A run's folder, or a folder in it that holds no model, as a person may name it where a model is wanted.
public enum RunPlace: Equatable, Sendable {
    /// `RUN`
    case run
    /// `RUN/checkpoints`
    case checkpoints
    /// `RUN/checkpoints/step-N`
    case checkpoint

    /// Nil for anything else: a model's folder, a file, or nothing.
    public init?(_ path: String) {
        func holds(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(name)") }
        guard FileStatus(path)?.isFolder == true, !holds("config.json") else { return nil }
        if holds("manifest.json") || holds("manifest.sha256") {
            self = .checkpoint
        } else if RunPlace.isStatus("\(path)/status.json") || RunPlace.latestStep(in: "\(path)/checkpoints") != nil {
            self = .run
        } else if RunPlace.latestStep(in: path) != nil {
            self = .checkpoints
        } else {
            return nil
        }
    }

    /// Refuses a run's folder where a model's folder is wanted, and says which folder to take.
    ///
    /// - Throws: `Failure` (missing).
    public static func refuse(asModel path: String) throws(Failure) {
        guard let place = RunPlace(path) else { return }
        throw place.refusal(path)
    }

    /// Why `path`, which is such a folder, is no model, and which folder to take.
    public func refusal(_ path: String) -> Failure {
        let shown = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        func make(of checkpoint: String) -> String { "tandem convert \(checkpoint) FOLDER" }
        switch self {
        case .checkpoint:
            return .missing(
                shown, "is a run's checkpoint, not a model's folder",
                remedy: "Make a model of it with \(make(of: shown)), and take that folder.")
        case .checkpoints:
            let latest = RunPlace.latestStep(in: path)!
            return .missing(
                shown, "holds a run's checkpoints, not a model",
                remedy: "Make a model of the latest with \(make(of: "\(shown)/step-\(latest)")), and take that folder.")
        case .run:
            let (word, remedy) = RunPlace.modelOfRun(shown)
            return .missing(shown, word, remedy: remedy)
        }
    }

    private static func modelOfRun(_ run: String) -> (reason: String, remedy: String) {
        let isRun = "is a run's folder, not a model's"
        if FileManager.default.fileExists(atPath: "\(run)/export/config.json") { return (isRun, "Take its model, \(run)/export.") }
        if let step = latestStep(in: "\(run)/checkpoints") {
            let checkpoint = "\(run)/checkpoints/step-\(step)"
            return (
                "\(isRun), and has exported no model yet",
                "Make one of its latest checkpoint with tandem convert \(checkpoint) FOLDER, and take that folder."
            )
        }
        if let step = steps(in: run, prefix: "export-step-").last { return (isRun, "Take its latest model, \(run)/export-step-\(step).") }
        return ("is a run that has exported no model yet", "Let it finish, or go on with tandem train --resume.")
    }

    private static func latestStep(in checkpoints: String) -> Int? {
        steps(in: checkpoints, prefix: "step-").last { step in
            ["manifest.json", "manifest.sha256"].contains {
                FileManager.default.fileExists(atPath: "\(checkpoints)/step-\(step)/\($0)")
            }
        }
    }

    /// The numbers at the end of names with that beginning, ascending.
    private static func steps(in folder: String, prefix: String) -> [Int] {
        names(in: folder).compactMap { $0.hasPrefix(prefix) ? Int($0.dropFirst(prefix.count)) : nil }.sorted()
    }

    /// Whether a file is a run's `status.json`.
    public static func isStatus(_ path: String) -> Bool {
        guard let status = FileStatus(path), status.isRegular, status.byteCount < 1 << 20, let json = JSONFile.value(path) else {
            return false
        }
        return json["state"]?.text != nil && json["step"]?.wholeNumber != nil
    }
}
