import Collectives
import Datasets
import Foundation
import Hashing
import Kernels
import Settings
import Tensors
import Weights

extension SharedFact {
    /// Facts that the ranks of any command must share before they compute together: the same build, and libraries with the
    /// same bits.
    public static func ofProgram() throws(Failure) -> [SharedFact] {
        let build = try Storage(mapping: "/proc/self/exe").contentDigits()
        let commit = Provenance.commit.map { ", commit \($0.prefix(12))" } ?? ""
        return [
            SharedFact(
                "program", "tandem \(tandemVersion) (build \(build.prefix(12))\(commit))",
                remedy: "Install one build of tandem on all nodes.", exitCode: .configuration),
            SharedFact(
                "MPI", MPIEnvironment.libraryVersion, remedy: "Install the same version of MPI on all nodes.",
                exitCode: .configuration),
            // Tensor ranks compute replicated values separately: with different kernels these values would drift apart.
            SharedFact(
                "BLAS core", "OpenBLAS kernels for \(matrixProductCore)",
                remedy: "Set OPENBLAS_CORETYPE on all nodes to one that every processor can run (mpirun -x OPENBLAS_CORETYPE=Haswell).",
                exitCode: .configuration),
            // Compared after the kernels, because the version names them too.
            SharedFact(
                "BLAS", matrixProductVersion, remedy: "Install the same OpenBLAS on all nodes.", exitCode: .configuration),
        ]
    }
}

extension ResolvedRun {
    /// Facts that all ranks must share for this run.
    public func facts() throws(Failure) -> [SharedFact] {
        var shared = configuration
        // Results don't depend on the number of threads, and nodes may have different numbers of cores.
        shared.run.threads = nil
        var facts = try SharedFact.ofProgram()
        facts.append(
            SharedFact(
                "settings", shared.resolvedYAML(), remedy: "Give all nodes the same \(configuration.file) and options.",
                exitCode: .configuration))
        for origin in [policy] + references.map(\.origin) { facts += try origin.facts() }
        for file in [training].compactMap(\.self) + validation.map(\.file) { facts.append(file.fact()) }
        return facts
    }
}

extension ModelOrigin {
    /// The architecture, and the size and sampled content of each weight file.
    public func facts() throws(Failure) -> [SharedFact] {
        let remedy = "Copy one checkpoint to all nodes, or keep it on a file system that they share."
        let configurationDigits = SHA256.digits(of: Array(configurationJSON)).prefix(16)
        var facts = [
            SharedFact(
                "model \(name)", "\(name) with configuration \(configurationDigits)", remedy: remedy, exitCode: .damagedData)
        ]
        for path in weightFiles {
            let file = try Storage(mapping: path)
            facts.append(
                SharedFact(
                    path, "\(path) of \(file.byteCount) bytes with content \(file.sampledDigits().prefix(16))", remedy: remedy,
                    exitCode: .damagedData))
        }
        return facts
    }

    /// Paths of the weight files; none for a model with random initialisation.
    var weightFiles: [String] {
        let checkpoint = source as? HuggingFaceCheckpoint ?? (source as? LayerSelection)?.checkpoint
        return checkpoint?.files.map(\.path) ?? []
    }
}

extension DatasetFile {
    /// The dataset's content, whatever its storage: `prepare` may have run on each node.
    ///
    /// Damage on one node is a difference. The same damage on all nodes is reported later by the code that reads the
    /// record, together with the run's status, whether or not a sample hit it.
    public func fact() -> SharedFact {
        let content = (try? sampledFingerprint()).map { "content \($0.prefix(16))" } ?? "damaged content"
        return SharedFact(
            path, "\(path) of \(recordCount) records and \(tokenCount) tokens with \(content)",
            remedy: "Copy one dataset to all nodes, or keep it on a file system that they share.", exitCode: .damagedData)
    }
}
