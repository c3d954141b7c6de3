import Foundation
import Settings

/// A file that a command is asked to write.
///
/// `check` is called by the process that will write, before work starts: so no work ends with a file that can't be written, and no
/// file is lost that the command did not make.
///
/// ```swift
/// try OutputPath.check(
///     [OutputPath(output, option: "--output", holding: "scores", isOwn: ScoreFile.isOne)],
///     against: [checkpoint, data], overwriting: overwrite)
/// ```
public struct OutputPath: Sendable {
    public let path: String
    /// The option that names it, for messages.
    public let option: String
    /// What the command writes: "scores".
    public let content: String
    /// Whether a file that is there already is one that the command wrote. Not asked for an empty file, which nobody misses.
    private let isOwn: @Sendable (String) -> Bool

    public init(_ path: String, option: String, holding content: String, isOwn: @escaping @Sendable (String) -> Bool) {
        self.path = path
        self.option = option
        self.content = content
        self.isOwn = isOwn
    }

    /// Refuses outputs that are an input or each other, whatever their paths look like; that are no file; whose folder can't be
    /// written; and, unless `overwriting`, a file that is there and that the command did not write.
    ///
    /// - Parameters:
    ///   - inputs: every file that the command reads, and every folder whose files it reads.
    ///   - overwriting: the person said `--overwrite`.
    /// - Throws: `Failure`: usage for an output that is read too, input/output where it can't be written, configuration for a file
    ///   that is not the command's.
    public static func check(
        _ outputs: [OutputPath], against inputs: [String], overwriting: Bool = false
    ) throws(Failure) {
        for (index, output) in outputs.enumerated() {
            try output.checkPlace()
            try output.checkNotRead(inputs)
            try output.checkDiffers(from: outputs[..<index])
            if !overwriting { try output.checkOwn() }
        }
    }

    /// It is no folder, and a file can be made in its folder.
    private func checkPlace() throws(Failure) {
        guard !path.isEmpty else {
            throw Failure(option, "is empty", remedy: "Name the file to write.", exitCode: .usage)
        }
        if let status = FileStatus(path) {
            guard !status.isFolder else { throw .inputOutput(path, "is a folder", remedy: "Name a file in it with \(option).") }
            guard status.isRegular else {
                throw .inputOutput(
                    path, "is a device, pipe or socket, which a file would replace", remedy: "Name a file with \(option).")
            }
        }
        let parent = folder(of: path)
        guard let status = FileStatus(parent) else {
            throw .inputOutput(
                path, "its folder \(parent) does not exist", remedy: "Create it, or name a file in a folder that you may write to.")
        }
        guard status.isFolder, !path.hasSuffix("/") else {
            throw .inputOutput(
                path, "its folder \(parent) is a file", remedy: "Name a file in a folder that you may write to.")
        }
        guard let reason = FolderProbe.obstacle(in: parent) else { return }
        throw .inputOutput(
            path, "can't be written: no file can be made in its folder \(parent) (\(reason))",
            remedy: "Name a file in a folder that you may write to.")
    }

    private func checkNotRead(_ inputs: [String]) throws(Failure) {
        guard let own = FileStatus(path) else { return }
        for input in inputs {
            let files = FileStatus(input)?.isFolder == true ? names(in: input).map { "\(input)/\($0)" } : [input]
            guard let file = files.first(where: { FileStatus($0)?.isSameFile(as: own) == true }) else { continue }
            let what = file == path ? "is one of the inputs too" : "is the same file as \(file), which is one of the inputs"
            throw Failure(path, what, remedy: "Name another file for \(option).", exitCode: .usage)
        }
    }

    private func checkDiffers(from others: ArraySlice<OutputPath>) throws(Failure) {
        guard let other = others.first(where: { $0.isSameFile(as: self) }) else { return }
        throw Failure(
            path, "is the file of \(other.option) too\(other.path == path ? "" : ", which is given as \(other.path)")",
            remedy: "Name another file for \(option).", exitCode: .usage)
    }

    /// Of two files that are not there yet: one name in one folder.
    private func isSameFile(as other: OutputPath) -> Bool {
        if let own = FileStatus(path), let status = FileStatus(other.path) { return own.isSameFile(as: status) }
        let names = [path, other.path].map { ($0 as NSString).lastPathComponent }
        return names[0] == names[1] && realPath(folder(of: path)) == realPath(folder(of: other.path))
    }

    private func checkOwn() throws(Failure) {
        guard let status = FileStatus(path), status.byteCount > 0, !isOwn(path) else { return }
        throw .configuration(
            path, "is there already and holds no \(content), so it is not replaced",
            remedy: "Name another file for \(option), or replace this one with --overwrite.")
    }
}
