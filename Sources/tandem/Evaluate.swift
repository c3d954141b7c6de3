import ArgumentParser
import Collectives
import Reporting
import Settings
import Training

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Computes validation figures; nothing is trained.")

    @Argument(help: ArgumentHelp("The run's settings, a YAML file.", valueName: "config"))
    var file: String

    @Option(help: "A Hugging Face folder to evaluate instead of the configuration's model.")
    var checkpoint: String?

    @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key.", valueName: "key.path=value"))
    var overrides: [String] = []

    func run() throws {
        let job = Job()
        let configuration = try RunConfiguration.load(path: file, overrides: overrides)
        let resolved = try ResolvedRun(
            configuration, rankCount: job.rankCount, purpose: .evaluation, checkpoint: checkpoint,
            ranksOnNode: job.launch.localSize)
        Watchdog.set(Watchdog.Limits(collective: configuration.run.collectiveTimeout))
        let mesh = try job.start(
            ["evaluate"], resolved.layout, isChecked: configuration.run.checkCollectives, sharing: resolved.facts)
        let trainer = try Trainer(
            resolved, mesh: mesh, workers: job.workers(configuration.run.threads, mesh),
            listeners: job.isFirst ? [FigureTable()] : [])
        try trainer.evaluate(step: 0)
        job.finish()
    }
}
