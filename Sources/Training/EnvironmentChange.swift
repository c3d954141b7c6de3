import Checkpoints
import Collectives
import Foundation
import Kernels
import Runs
import Settings

/// Compares the environment of a resumed run with the environment in its checkpoint.
enum EnvironmentChange {
    /// Variables that choose Open MPI's collective algorithms and transports.
    static func collectiveSettings(_ variables: [String: String] = ProcessInfo.processInfo.environment) -> [String: String] {
        let prefixes = ["coll", "op", "btl", "pml", "mtl"].map { "OMPI_MCA_" + $0 }
        return variables.filter { name, _ in prefixes.contains { name == $0 || name.hasPrefix($0 + "_") } }
    }

    /// A sentence with the changes and their consequence; nil if nothing changed.
    static func notice(
        from before: CheckpointManifest.Environment, _ layoutBefore: CheckpointManifest.Layout,
        to now: CheckpointManifest.Environment, _ layoutNow: CheckpointManifest.Layout
    ) -> String? {
        var deciding: [String] = []
        func compare(_ name: String, _ old: String, _ new: String) {
            if old != new { deciding.append("\(name) \(new) instead of \(old)") }
        }
        compare("data ranks", "\(layoutBefore.data)", "\(layoutNow.data)")
        compare("tensor ranks", "\(layoutBefore.tensor)", "\(layoutNow.tensor)")
        compare("BLAS core", before.blasCore, now.blasCore)
        if before.ranks > 1, now.ranks > 1 {
            compare("MPI", before.mpi, now.mpi)
            for name in Set(before.collectives.keys).union(now.collectives.keys).sorted() {
                compare(name, before.collectives[name] ?? "unset", now.collectives[name] ?? "unset")
            }
        }
        compare("tandem", before.tandem, now.tandem)
        if before.tandem == now.tandem, before.program != now.program { deciding.append("another build of tandem") }
        var harmless: [String] = []
        if layoutBefore.zero != layoutNow.zero {
            harmless.append("parallel.zero \(layoutNow.zero) instead of \(layoutBefore.zero)")
        }
        if before.threadsPerRank != now.threadsPerRank {
            harmless.append("threads per rank \(now.threadsPerRank) instead of \(before.threadsPerRank)")
        }
        guard !deciding.isEmpty || !harmless.isEmpty else { return nil }
        let consequence = deciding.isEmpty ? "this changes no bit" : "the rest of the run is equal up to rounding, not bit by bit"
        return "resumed with \((deciding + harmless).joined(separator: ", ")): \(consequence)"
    }
}
