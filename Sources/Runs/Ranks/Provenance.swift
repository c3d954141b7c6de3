import Checkpoints
import Collectives
import Foundation
import JSON
import Kernels
import Settings

/// Tandem's version, recorded by runs and printed by `tandem --version`.
public let tandemVersion = "0.1.0"

/// The environment of a run, as far as bits and speed depend on it.
public struct Provenance {
    private(set) var json: JSONValue

    /// Adds the run's input files after hashing, with the configuration's keys.
    package func with(_ inputs: [CheckpointManifest.Input], program: String) -> Provenance {
        let files = inputs.map { JSONValue.Member(name: JSONString($0.key), value: $0.files.json) }
        var copy = self
        copy.json = .object((json.members ?? []) + [.init(name: "inputs", value: .object(files)), .init(name: "program", value: program.json)])
        return copy
    }

    /// Collects every rank's host and cores. Collective over `mesh`.
    public init(mesh: Mesh, threads: Int) throws(CollectiveError) {
        let own = JSONValue.fields([
            "rank": mesh.world.rank, "host": MPIEnvironment.hostName, "cores": availableCores().map(String.init).joined(separator: ","),
        ])
        json = .fields([
            "tandem_version": tandemVersion, "commit": Provenance.commit.json, "started": Date().iso8601,
            "command": CommandLine.arguments,
            "layout": JSONValue.fields(["data": mesh.layout.data, "tensor": mesh.layout.tensor]), "threads_per_rank": threads,
            "ranks": try mesh.world.allGather(own), "mpi": mesh.layout.rankCount > 1 ? MPIEnvironment.libraryVersion : "none",
            "blas": matrixProductVersion, "blas_core": matrixProductCore, "processor": Provenance.processor.json,
        ])
    }

    /// The commit from which the program was built: recorded beside the program by `launch/install`, or else the commit of
    /// the checkout that contains the program.
    public static var commit: String? {
        var folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let record = folder.deletingLastPathComponent().appendingPathComponent("share/tandem/commit")
        if let text = try? String(contentsOf: record, encoding: .utf8) {
            let commit = text.trimmingCharacters(in: .whitespacesAndNewlines)
            return commit.isEmpty ? nil : commit
        }
        while folder.path != "/" {
            let git = folder.appendingPathComponent(".git")
            // A program copied into another project must not report that project's commit.
            if FileManager.default.fileExists(atPath: folder.appendingPathComponent("Sources/tandem").path),
                let head = try? String(contentsOf: git.appendingPathComponent("HEAD"), encoding: .utf8)
            {
                let line = head.trimmingCharacters(in: .whitespacesAndNewlines)
                guard line.hasPrefix("ref: ") else { return line }
                let reference = try? String(
                    contentsOf: git.appendingPathComponent(String(line.dropFirst(5))), encoding: .utf8)
                return reference?.trimmingCharacters(in: .whitespacesAndNewlines)
            }
            folder.deleteLastPathComponent()
        }
        return nil
    }

    private static var processor: String? {
        processorField("model name")
    }
}

/// A field of the first processor in `/proc/cpuinfo`.
public func processorField(_ name: String) -> String? {
    guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else { return nil }
    let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
    return line?.split(separator: ":", maxSplits: 1).last.map { $0.trimmingCharacters(in: .whitespaces) }
}

/// Refuses a processor without AVX2 and FMA with one line, before an illegal instruction kills the process.
///
/// - Parameter flags: flags as listed in `/proc/cpuinfo`. If nil (unreadable), no processor is refused.
public func checkProcessor(flags: String? = processorField("flags")) throws(Failure) {
    guard let flags = flags?.split(separator: " ") else { return }
    let missing = ["avx2", "fma"].filter { !flags.contains(Substring($0)) }
    guard missing.isEmpty else {
        throw .configuration(
            "this processor", "lacks \(missing.joined(separator: " and ")), which Tandem's kernels need",
            remedy: "Run on a processor with AVX2 and FMA (2013 or later).")
    }
}
