import Checkpoints
import Foundation
import Hashing
import Settings
import Weights

/// Digests of the run's input files and of the program. A thread computes them once while the run begins. Checkpoints and
/// `provenance.json` identify the run by them. Files listed in a `SHA256SUMS` beside them are compared with it.
package final class InputDigests: @unchecked Sendable {
    package typealias Digests = (inputs: [CheckpointManifest.Input], program: String)

    private let condition = NSCondition()
    private var outcome: Result<Digests, Failure>?

    /// - Parameter files: paths, with the configuration's key.
    package init(_ files: [(key: String, paths: [String])]) {
        Thread.detachNewThread { [self] in
            let outcome = Result { () throws(Failure) in try InputDigests.digests(files) }
            condition.lock()
            self.outcome = outcome
            condition.broadcast()
            condition.unlock()
        }
    }

    /// Waits for the thread.
    ///
    /// - Throws: `Failure` if a file can't be read.
    package func value() throws(Failure) -> Digests {
        condition.lock()
        while outcome == nil { condition.wait() }
        let outcome = outcome!
        condition.unlock()
        return try outcome.get()
    }

    private static func digests(_ files: [(key: String, paths: [String])]) throws(Failure) -> Digests {
        var inputs: [CheckpointManifest.Input] = []
        // A policy and its reference often have the same files.
        var known: [String: FileDigest] = [:]
        for (key, paths) in files {
            var entries: [CheckpointManifest.File] = []
            for path in paths {
                let name = (path as NSString).lastPathComponent
                if known[path] == nil {
                    let digest = try FileDigest(of: path)
                    try FolderDigests(folder: (path as NSString).deletingLastPathComponent)?.check(digest, of: name)
                    known[path] = digest
                }
                entries.append(CheckpointManifest.File(name: name, known[path]!))
            }
            inputs.append(CheckpointManifest.Input(key: key, files: entries))
        }
        return (inputs, try FileDigest(of: "/proc/self/exe").sha256)
    }
}

extension ResolvedRun {
    /// Files that decide results and can change under the same path, with the configuration's key.
    package var inputFiles: [(key: String, paths: [String])] {
        var files: [(key: String, paths: [String])] = []
        if let training { files.append(("data.train", [training.path])) }
        switch configuration.model {
        case .checkpoint: files.append(("model.checkpoint", policy.files))
        case .layers: files.append(("model.initialize_from.checkpoint", policy.files))
        case .random(.file(let path), _): files.append(("model.config", [path]))
        case .random(.inline, _): break
        }
        if let folder = policy.tokenizerFolder { files.append(("model.tokenizer", ModelOrigin.tokenizerFiles(in: folder))) }
        for reference in references {
            files.append(("references.\(reference.settings.name).checkpoint", reference.origin.files))
        }
        return files.filter { !$0.paths.isEmpty }
    }
}

extension ModelOrigin {
    /// Weights and their configuration; none for a model with random initialisation.
    fileprivate var files: [String] {
        weightFiles.isEmpty ? [] : (folder ?? tokenizerFolder).map { ["\($0)/config.json"] + weightFiles } ?? weightFiles
    }

    fileprivate static func tokenizerFiles(in folder: String) -> [String] {
        ["tokenizer.json", "tokenizer_config.json"].map { "\(folder)/\($0)" }.filter(FileManager.default.fileExists)
    }
}
