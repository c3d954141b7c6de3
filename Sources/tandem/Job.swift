import ArgumentParser
import Collectives
import Diagnosis
import Foundation
import Kernels
import Reporting
import Runs
import Settings
import Tensors

extension SharedFact {
    /// What all ranks were started to do, in the words that decide it. Compared before anything else: ranks with different
    /// commands have nothing in common that could differ.
    static func command(_ words: [String]) -> SharedFact {
        SharedFact(
            "command", (["tandem"] + words).joined(separator: " "), remedy: "Start all ranks with the same command and options.",
            exitCode: .usage)
    }
}

/// The ranks of one command: who they are, and their mesh once MPI runs.
struct Job {
    let launch = MPIEnvironment.launch()

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
    ///   - command: its name, and the options that all ranks must have alike and no other fact holds.
    ///   - isChecked: from then on ranks compare what they call; the same on all of them.
    ///   - facts: what the ranks must have in common; asked for where there are several.
    /// - Throws: an `AgreedFailure` where a rank's preparation failed, or its facts are others.
    func start(
        _ command: [String], _ layout: ParallelLayout, isChecked: Bool = false, sharing facts: () throws(Failure) -> [SharedFact]
    ) throws -> Mesh {
        guard launch.isLaunched else { return .solo() }
        let own = rankCount > 1 ? [.command(command)] + (try facts()) : []
        let world = try MPIEnvironment.start()
        try RankOutcome.agreeOnPreparation(nil, over: world)
        try SharedFact.compare(own, over: world)
        return try Mesh.over(isChecked ? world.comparing() : world, layout: layout)
    }

    /// Where several ranks were started: makes sure that all of them have this command, which the first one does alone. A rank
    /// that MPI never hears of would keep those waiting for ever that have another one.
    ///
    /// - Returns: whether MPI runs now, and is to be finished by all ranks.
    static func join(_ command: String...) throws -> Bool {
        guard MPIEnvironment.launch().size > 1 else { return false }
        // The others wait as long as the first one works.
        Watchdog.set(Watchdog.Limits(collective: nil))
        let world = try MPIEnvironment.start()
        try RankOutcome.agreeOnPreparation(nil, over: world)
        try SharedFact.compare([.command(command)], over: world)
        return true
    }

    /// For a rank that can't go on, before MPI was started: tells the others, who may be ready, and hears of theirs.
    ///
    /// - Returns: what all ranks end with.
    /// - Throws: a `LaunchFailure` where MPI can't be asked.
    static func joinInFailing(_ failure: Failure) throws -> Failure {
        do {
            try RankOutcome.agreeOnPreparation(failure, over: MPIEnvironment.start())
            return failure
        } catch let agreed as AgreedFailure {
            return agreed.failure
        } catch let launch as LaunchFailure {
            throw launch
        } catch {
            return failure
        }
    }

    /// This rank's threads: `wanted`, or what its share of the cores allows. The first rank says it where any host's cores are
    /// too few for its ranks, or are left idle. Collective over `mesh`.
    ///
    /// - Parameters:
    ///   - besides: bytes that this rank is going to ask for besides what products take.
    ///   - show: gets the places of all ranks in words, on the first one.
    func workers(_ wanted: Int?, _ mesh: Mesh, besides: Double = 0, show: ([String]) throws -> Void = { _ in }) throws -> Workers {
        prepareMatrixProducts()
        let threads = wanted ?? defaultThreadCount(launch)
        try mesh.agreed { try ProcessLimit.tightest()?.checkProducts(threads: threads, besides: besides) }
        reserveMatrixProducts(threadCount: threads)
        let places = try RankPlace.gather(threads: threads, mesh: mesh)
        if isFirst {
            for note in RankPlace.notes(places) { Console.writeError("tandem: note: \(note)") }
            if mesh.world.size > 1 { try show(RankPlace.summary(places)) }
        }
        return try mesh.agreed {
            do throws(Workers.ThreadRefused) {
                return try Workers(starting: threads, cores: coresToBind(threads: threads, launch: launch))
            } catch {
                throw Failure(
                    "threads", "the system started \(error.started) of \(threads) (\(error.reason))",
                    remedy: "Use fewer threads, or raise the limit of processes (ulimit -u, or the job's).", exitCode: .tryAgain)
            }
        }
    }

    func finish() { MPIEnvironment.finish() }
}
