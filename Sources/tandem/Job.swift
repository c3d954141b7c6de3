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
    /// The command and the options that decide what a rank does. The ranks compare this fact first: with different commands
    /// they have different kinds of facts.
    static func command(_ words: [String]) -> SharedFact {
        SharedFact(
            "command", (["tandem"] + words).joined(separator: " "), remedy: "Start all ranks with the same command and options.",
            exitCode: .usage)
    }
}

/// The ranks of one command: this rank, their number, and their mesh after MPI has started.
struct Job {
    let launch = MPIEnvironment.launch()

    var rankCount: Int { launch.size }
    var isFirst: Bool { launch.rank == 0 }

    /// Whether standard output is a terminal, without a launcher between.
    var isAtTerminal: Bool {
        !launch.isLaunched && isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    }

    /// Starts MPI if a launcher started this process. Waits for every rank, compares the command and the facts of all ranks,
    /// and arranges the ranks by `layout`.
    ///
    /// - Parameters:
    ///   - command: the command's name, and options that must be equal on all ranks and are in no other fact.
    ///   - isChecked: whether ranks compare their collective operations from then on. Equal on all ranks.
    ///   - facts: the facts that must be equal on all ranks. Called only if there are several ranks.
    /// - Throws: an `AgreedFailure` if a rank's preparation failed or its facts differ.
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

    /// Checks that all ranks have this command, which the first rank does alone. Without the check, ranks with another command
    /// would wait for ever for a rank that never starts MPI. A single rank does nothing here.
    ///
    /// - Returns: whether MPI runs now. If so, all ranks must finish it.
    static func join(_ command: String...) throws -> Bool {
        guard MPIEnvironment.launch().size > 1 else { return false }
        // No time limit: the other ranks wait as long as the first rank works.
        Watchdog.set(Watchdog.Limits(collective: nil))
        let world = try MPIEnvironment.start()
        try RankOutcome.agreeOnPreparation(nil, over: world)
        try SharedFact.compare([.command(command)], over: world)
        return true
    }

    /// Called by a rank that fails before MPI has started. Starts MPI and compares the failures of all ranks; other ranks may
    /// have none.
    ///
    /// - Returns: the failure that all ranks end with.
    /// - Throws: a `LaunchFailure` if the launcher and MPI don't fit together.
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

    /// Starts this rank's threads: `wanted`, or as many as its part of the node's cores. The first rank writes a note if a host
    /// has too few cores for its ranks, or idle cores. Collective over `mesh`.
    ///
    /// - Parameters:
    ///   - besides: bytes that this rank will allocate in addition to the buffers of matrix products.
    ///   - show: called on the first of several ranks with the places of all ranks as text.
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
                    remedy: "Use fewer threads, or raise the limit of processes (ulimit -u, or the job's limit).", exitCode: .tryAgain)
            }
        }
    }

    func finish() { MPIEnvironment.finish() }
}
