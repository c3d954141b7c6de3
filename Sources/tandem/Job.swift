import ArgumentParser
import Collectives
import Foundation
import Kernels
import Reporting
import Settings
import Training

/// A command that is not for several ranks: started by `mpirun`, the first one does all of its work and the others none.
protocol OneProcessCommand: ParsableCommand {}

/// The ranks of one command: who they are, and their mesh once MPI runs.
struct Job {
    let launch = MPIEnvironment.launch()

    var rankCount: Int { launch.size }
    var isFirst: Bool { launch.rank == 0 }

    /// A person looks at standard output directly.
    var isAtTerminal: Bool {
        !launch.isLaunched && isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    }

    /// Starts MPI where a launcher started more than one rank, and cuts the ranks by `layout`.
    func start(_ layout: ParallelLayout) throws(CollectiveError) -> Mesh {
        guard launch.isLaunched else { return .solo() }
        return try Mesh.over(MPIEnvironment.start(), layout: layout)
    }

    /// This rank's threads: `wanted`, or what its share of the cores allows.
    func workers(_ wanted: Int?) -> Workers {
        prepareMatrixProducts()
        let threads = wanted ?? defaultThreadCount(launch)
        let cores = availableCores().count
        let isBound = cores < ProcessInfo.processInfo.processorCount
        let needed = isBound ? threads : threads * launch.localSize
        if needed > cores && isFirst {
            Console.writeError(
                "tandem: note: \(needed) threads share \(cores) core\(cores == 1 ? "" : "s"). "
                    + "Lower run.threads, or start with mpirun --map-by slot:PE=\(threads) --bind-to core.")
        }
        return Workers(threadCount: threads, cores: coresToBind(threads: threads, launch: launch))
    }

    func finish() { MPIEnvironment.finish() }
}
