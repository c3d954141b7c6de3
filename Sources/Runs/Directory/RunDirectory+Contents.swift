import Checkpoints
import Files
import Foundation
import JSON
import Settings
import Weights

// The files that a run's folder may hold. A run's own files are recognised by name and content. Only these are ever
// removed.

extension RunDirectory {
    /// The start of a run in its folder.
    public enum Start: Sendable {
        case new
        case overwriting
        case resuming
    }

    static let configurationName = "config.yaml"
    private static let fileNames = [
        "metrics.jsonl", "metrics.jsonl.unreadable", "status.json", configurationName, "provenance.json", "export-projections.safetensors",
    ]
    private static let folderNames = ["export", "checkpoints", "dumps"]
    private static let lockName = "lock"
    /// Endings of files that people keep beside a run.
    private static let noteEndings = ["log", "out", "err", "txt", "md", "yaml", "yml", "sh", "sbatch"]

    var place: String { "run.directory = \(path)" }

    /// Entries with a run's names, except the lock, sorted. Their content is not checked.
    var earlierFiles: [String] { names(in: path).filter { RunDirectory.kind(of: $0) != nil && $0 != RunDirectory.lockName } }

    private enum Kind { case file, folder }

    private static func kind(of name: String) -> Kind? {
        if fileNames.contains(name) || name == lockName { return .file }
        if folderNames.contains(name) { return .folder }
        guard let match = name.wholeMatch(of: /export-step-[0-9]+(-projections\.safetensors)?/) else { return nil }
        return match.1 == nil ? .folder : .file
    }

    // MARK: The folder

    /// Accepts a folder that is new, empty, or holds a run. Notes, logs, scripts and configurations may lie beside the run.
    ///
    /// - Throws: `Failure`: configuration, or input/output if the folder can't be made.
    func checkIsRunFolder() throws(Failure) {
        guard let status = FileStatus(path) else { return try checkCanBeMade() }
        guard status.isFolder else { throw unwritable("it is a file") }
        if let reason = ReservedFolder.reason(for: path) {
            throw .configuration(place, reason, remedy: "Name a folder of the run's own, such as runs/dpo.")
        }
        if access(path, W_OK | X_OK) != 0 { throw unwritable(systemReason()) }
        let present = names(in: path)
        for name in present { try checkKind(of: name) }
        guard !holdsRun, let other = present.first(where: { !isNote($0) && RunDirectory.kind(of: $0) == nil }) else { return }
        throw .configuration(
            place, "holds \(other.printable) but no run, so it is not used for one",
            remedy: "Name a folder of the run's own, such as \(path == "." ? "" : path + "/")run.")
    }

    private func checkCanBeMade() throws(Failure) {
        var parent = path
        while FileStatus(unfollowed: parent) == nil, parent != "/", parent != "." { parent = folder(of: parent) }
        guard let status = FileStatus(parent) else { throw unwritable("\(parent) is a link that leads nowhere") }
        guard status.isFolder else { throw unwritable("\(parent) is a file") }
        if access(parent, W_OK | X_OK) != 0 { throw unwritable(systemReason()) }
    }

    private func unwritable(_ reason: String) -> Failure {
        .inputOutput(path, "can't be written (\(reason))", remedy: "Check the path, its permissions and the free space.")
    }

    /// Refuses links among the run's own files: through a link the run would write into another file.
    private func checkKind(of name: String) throws(Failure) {
        guard let kind = RunDirectory.kind(of: name), let status = FileStatus(unfollowed: "\(path)/\(name)") else { return }
        let file = "\(path)/\(name)"
        if status.isLink {
            throw .configuration(
                file, "is a symbolic link, but a run does not follow links in its folder",
                remedy: "Remove the link; to keep the whole run elsewhere, make run.directory itself a link.")
        }
        guard kind == .file ? !status.isRegular : !status.isFolder else { return }
        throw .configuration(
            file, "is not a \(kind == .file ? "file" : "folder"), but a run has one there", remedy: "Remove it, or choose another directory.")
    }

    private func isNote(_ name: String) -> Bool {
        guard FileStatus("\(path)/\(name)")?.isFolder == false else { return false }
        return name.hasPrefix(".") || RunDirectory.noteEndings.contains((name as NSString).pathExtension.lowercased())
    }

    var holdsRun: Bool {
        isOwn("status.json") || isOwn("provenance.json") || !CheckpointStore(runDirectory: path).steps.isEmpty
    }

    // MARK: One entry

    /// Whether a run wrote the entry with this name. For a folder: whether it holds no foreign file with the name of a
    /// run's file. Each file is checked again before its removal.
    func isOwn(_ name: String) -> Bool {
        let file = "\(path)/\(name)"
        switch name {
        case "status.json": return RunPlace.isStatus(file)
        case "provenance.json": return JSONFile.value(file)?["tandem_version"]?.text != nil
        case "metrics.jsonl":
            guard let status = FileStatus(file), status.byteCount > 0 else { return true }
            return RunDirectory.firstLine(of: file)?["step"]?.wholeNumber != nil
        case RunDirectory.configurationName: return isResolvedConfiguration(file)
        default:
            if name.hasSuffix(".safetensors") { return (try? SafetensorsFile(path: file)) != nil }
            return !name.hasPrefix("export") || !ModelFolderFile.holdsImpostor(file)
        }
    }

    /// Whether the file is a configuration with every section and without a comment, as runs of this version or an earlier
    /// one write it.
    private func isResolvedConfiguration(_ file: String) -> Bool {
        guard let bytes = try? InputFile.bytes(path: file, byteLimit: 1 << 20, remedy: ""),
            let text = String(validating: bytes, as: UTF8.self), (try? RunConfiguration(yaml: text, file: file)) != nil
        else { return false }
        let lines = text.split(separator: "\n")
        let sections = lines.filter { $0.first?.isLetter == true }.map { $0.prefix { $0 != ":" } }
        let all = ["model", "data", "objective", "parallel", "schedule", "optimizer", "evaluation", "export", "run"]
        return sections.filter { $0 != "references" }.map(String.init) == all && !lines.contains { $0.contains(/(^|\s)#/) }
    }

    /// Nil if the first 64 KiB hold no complete line, or if the line is not an object.
    private static func firstLine(of file: String) -> JSONValue? {
        guard let handle = FileHandle(forReadingAtPath: file) else { return nil }
        defer { try? handle.close() }
        guard let bytes = try? handle.read(upToCount: 1 << 16) else { return nil }
        return try? JSONValue(parsing: Array(bytes.prefix { $0 != 0x0A }))
    }

    // MARK: Removing

    /// Removes an entry of a run. From a folder it removes only the files that runs write. A folder with other files stays,
    /// with these files.
    func removeOwn(_ name: String) throws {
        let entry = "\(path)/\(name)"
        switch name {
        case "checkpoints": try CheckpointStore(runDirectory: path).removeAll()
        case "dumps": try StepDump.removeAll(in: entry)
        default:
            guard RunDirectory.kind(of: name) == .folder else { return try FileManager.default.removeItem(atPath: entry) }
            try OwnFiles.remove(from: entry) { ModelFolderFile.isOne($0, in: entry) }
        }
    }

    /// Gives the metrics a file of their own if the file has several names (hard links), as in a copy of a run's folder:
    /// rows are cut and added in place, which would change the copy.
    package func separateMetrics() throws(Failure) {
        guard let status = FileStatus(metricsFile), status.nameCount > 1 else { return }
        try RunDirectory.writing(metricsFile) {
            try TemporaryFile.write(Data(contentsOf: URL(fileURLWithPath: metricsFile)), to: metricsFile)
        }
    }
}
