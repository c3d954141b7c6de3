import Foundation
import Model
import Settings
import Tensors
import TestSupport

/// A folder with a policy, a reference, pairs and a configuration: what a small run needs. Commands run inside it.
final class Workspace: Sendable {
    let folder = TemporaryFolder()

    /// Paths are relative: messages then name what a person would have written.
    static let configuration = """
        model: {checkpoint: policy}
        references: {sft: {checkpoint: reference}}
        data: {train: pairs.h5, validation: pairs.h5}
        objective: {type: preference, reference: sft}
        schedule: {steps: 2, pairs_per_step: 4}
        optimizer: {learning_rate: 0.001}
        run: {directory: run, threads: 1}

        """

    init(family: ModelFamily = .llama, pairs: String? = nil) throws {
        try makeCheckpoint(unevenConfiguration(family), seed: 1, in: folder, named: "policy")
        try makeCheckpoint(unevenConfiguration(family), seed: 2, in: folder, named: "reference")
        _ = try makeDataset(
            pairs ?? randomPairs(count: 10, vocabulary: 509, lengths: 3...12, seed: 5), in: folder, named: "pairs")
        try folder.write(Workspace.configuration, to: "config.yaml")
    }

    func file(_ name: String) -> String { folder.file(name) }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name)) }

    func text(_ name: String) throws -> String { try String(contentsOfFile: file(name), encoding: .utf8) }

    func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: file(name))) }

    func write(_ bytes: Data, to name: String) throws { try bytes.write(to: URL(fileURLWithPath: file(name))) }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: file(name)) }

    func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: true)
    }

    func copy(_ name: String, to other: String) throws {
        try FileManager.default.copyItem(atPath: file(name), toPath: file(other))
    }

    /// Runs `tandem` here. `ranks` nil: alone.
    func tandem(_ arguments: [String], ranks: Int? = nil) throws -> ProcessResult {
        // A failed job's other ranks are killed at once instead of a second later: tests are many.
        try runProgram(
            "tandem", arguments, ranks: ranks, folder: folder.path,
            environment: ["OMPI_MCA_odls_base_sigkill_timeout": "0"])
    }

    /// Runs a shell script here, in which `$TANDEM` is the program.
    func shell(_ script: String, ranks: Int? = nil, timeLimit: Double = 60) throws -> ProcessResult {
        let launcher = ranks.map { ["mpirun", "-n", "\($0)", "--oversubscribe", "--bind-to", "none"] } ?? []
        return try runCommand(
            launcher + ["sh", "-c", script], folder: folder.path, timeLimit: timeLimit,
            environment: ["TANDEM": programFolder + "/tandem"])
    }

    func metrics(_ run: String = "run") throws -> [[String: Any]] { try readFigures(file(run + "/metrics.jsonl")) }

    func json(_ name: String) throws -> [String: Any] {
        try JSONSerialization.jsonObject(with: bytes(name)) as! [String: Any]
    }

    /// Every file below the folder, or below `inner`, with its content, hidden ones included; folders end with a slash. What
    /// is mounted in it is passed over.
    func snapshot(below inner: String? = nil) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for case let name as String in FileManager.default.enumerator(atPath: inner.map(file) ?? folder.path)! {
            let path = inner.map { $0 + "/" + name } ?? name
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: file(path), isDirectory: &isFolder)
            files[isFolder.boolValue ? path + "/" : path] = isFolder.boolValue ? Data() : try bytes(path)
        }
        return files
    }

    /// Processes that still run in this folder; ranks that were just killed get a second to go.
    func remainingProcesses() -> [String] {
        let place = URL(fileURLWithPath: folder.path).resolvingSymlinksInPath().path
        var found: [String] = []
        for _ in 0..<20 {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            found = names.filter { name in
                guard Int(name) != nil else { return false }
                let current = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(name)/cwd")
                return current == place || current?.hasPrefix(place + "/") == true
            }
            if found.isEmpty { break }
            usleep(50_000)
        }
        return found
    }
}
