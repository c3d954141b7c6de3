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
    private static let threadLimit = 1024

    var rankCount: Int { launch.size }
    var isFirst: Bool { launch.rank == 0 }

    /// A person looks at standard output directly.
    var isAtTerminal: Bool {
        !launch.isLaunched && isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    }

    /// Starts MPI where a launcher started this process, and cuts the ranks by `layout`: once every rank has come so far, and
    /// all are found to be about to do the same.
    ///
    /// - Parameters:
    ///   - isChecked: from then on ranks compare what they call; the same on all of them.
    ///   - facts: what the ranks must have in common; asked for where there are several.
    /// - Throws: an `AgreedFailure` where a rank's preparation failed, or its facts are others.
    func start(
        _ layout: ParallelLayout, isChecked: Bool = false, sharing facts: () throws(Failure) -> [SharedFact]
    ) throws -> Mesh {
        guard launch.isLaunched else { return .solo() }
        let own = rankCount > 1 ? try facts() : []
        let world = try MPIEnvironment.start()
        try RankOutcome.agreeOnPreparation(nil, over: world)
        try SharedFact.compare(own, over: world)
        return try Mesh.over(isChecked ? world.comparing() : world, layout: layout)
    }

    /// For a rank that can't go on, before MPI was started: tells the others, who may be ready, and hears of theirs.
    ///
    /// - Returns: what all ranks end with.
    static func joinInFailing(_ failure: Failure) -> Failure {
        do {
            try RankOutcome.agreeOnPreparation(failure, over: MPIEnvironment.start())
            return failure
        } catch let agreed as AgreedFailure {
            return agreed.failure
        } catch {
            return failure
        }
    }

    /// This rank's threads: `wanted`, or what its share of the cores allows. The first rank says it where any host's cores are
    /// too few for its ranks, or are left idle. Collective over `mesh`.
    ///
    /// - Parameter show: gets the places of all ranks in words, on the first one.
    func workers(_ wanted: Int?, _ mesh: Mesh, show: ([String]) throws -> Void = { _ in }) throws -> Workers {
        prepareMatrixProducts()
        let threads = wanted ?? defaultThreadCount(launch)
        // More would exhaust the system's processes for everybody on it, and no rank has so many cores.
        guard threads <= Job.threadLimit else {
            throw Failure.configuration(
                "\(threads) threads a rank", "are more than the \(Job.threadLimit) that a rank may have",
                remedy: "Give run.threads, or --threads, as many as the rank has cores.")
        }
        let places = try RankPlace.gather(threads: threads, mesh: mesh)
        if isFirst {
            for note in RankPlace.notes(places) { Console.writeError("tandem: note: \(note)") }
            if mesh.world.size > 1 { try show(RankPlace.summary(places)) }
        }
        return Workers(threadCount: threads, cores: coresToBind(threads: threads, launch: launch))
    }

    func finish() { MPIEnvironment.finish() }
}
