import ArgumentParser
import Collectives
import Diagnosis
import Foundation
import Reporting
import Runs
import Settings
import Stepping
import Training

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trains a model, alone or under mpirun.",
        discussion: "docs/configuration.md describes every key of CONFIG.")

    @Argument(help: ArgumentHelp("The run's settings, a YAML file.", valueName: "config"), transform: expandedPath)
    var file: String

    @Option(name: .customLong("set"), help: ArgumentHelp("Override a key, e.g. optimizer.learning_rate=1e-6.", valueName: "key.path=value"))
    var overrides: [String] = []

    @Flag(help: "Replace the run in run.directory.")
    var overwrite = false

    @Flag(help: "Only print run.directory, the folder of the run.")
    var showDirectory = false

    @Option(
        help: ArgumentHelp(
            "Continue from the latest checkpoint, from the one of a step (--resume=STEP), or from the newest undamaged one (--resume=latest-valid).",
            valueName: "step"))
    var resume: ResumePoint?

    /// Set by the scripts in `launch`: the reason why a job ended, if its ranks could not record the reason.
    @Option(help: .hidden) var markFailed: String?

    @Option(help: .hidden) var exitCode: Int32?

    func validate() throws {
        guard resume == nil || !overwrite else { throw ValidationError("--resume and --overwrite exclude each other.") }
    }

    func run() throws {
        let start = Stopwatch.now
        // From here on a request to stop is noticed, and stops the run before its first step.
        Interruption.listen()
        let job = Job()
        let configuration = try RunConfiguration.load(path: file, overrides: overrides)
        if showDirectory {
            let isJoined = try Job.join("train", "--show-directory")
            if job.isFirst { try Console.write(configuration.run.directory) }
            if isJoined { job.finish() }
            return
        }
        if let markFailed {
            let isMarked = try RunDirectory(configuration.run.directory).markFailed(
                markFailed, exitCode: exitCode.flatMap(Settings.ExitCode.init))
            Foundation.exit(isMarked ? EXIT_SUCCESS : EXIT_FAILURE)
        }
        let resolved = try ResolvedRun(configuration, rankCount: job.rankCount, purpose: .training, ranksOnNode: job.launch.localSize)
        let directory = RunDirectory(configuration.run.directory)
        try directory.checkFree(for: overwrite ? .overwriting : resume == nil ? .new : .resuming)
        if overwrite || resume != nil { try directory.checkNotRead(as: resolved.inputs) }
        if job.isFirst { try directory.checkRoom(forExportOf: resolved, replacing: overwrite) }
        let limits = Watchdog.Limits(collective: configuration.run.collectiveTimeout, step: configuration.run.stepTimeout)
        Watchdog.set(limits)
        if !job.launch.isLaunched && limits.step != nil { try Watchdog.startAlone() }
        let words = ["train"] + (resume.map { [$0.description] } ?? []) + (overwrite ? ["--overwrite"] : [])
        let mesh = try job.start(words, resolved.layout, isChecked: configuration.run.checkCollectives) { () throws(Failure) in
            try resolved.facts() + (resume == nil ? [] : [directory.checkpointFact()])
        }
        let console = Console(isLive: job.isAtTerminal, resumeCommand: ResumeCommand(launch: job.launch).text)
        let listeners: [any EventListener] = job.isFirst ? [MetricsFile(path: directory.metricsFile), console] : []
        let workers = try job.workers(configuration.run.threads, mesh, besides: resolved.rankByteCount) { places in
            for place in places { try Console.write(place) }
        }
        let trainer = try Trainer(resolved, mesh: mesh, workers: workers, listeners: listeners, processStart: start)
        try trainer.train(resume.map { .resume($0.choice) } ?? .fresh(overwrite: overwrite))
        job.finish()
    }
}
