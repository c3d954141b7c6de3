import ArgumentParser
import Collectives
import Diagnosis
import Files
import Inference
import Reporting
import Runs
import Settings

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Computes validation figures and trains nothing.")

    @Argument(help: ArgumentHelp("The run's settings, a YAML file.", valueName: "config"), transform: expandedPath)
    var file: String

    @Option(help: "A Hugging Face folder to evaluate instead of the configuration's model.", transform: expandedPath)
    var checkpoint: String?

    @Option(help: ArgumentHelp("Also write the figures as JSON.", valueName: "file.json"), transform: expandedPath)
    var output: String?

    @Option(name: .customLong("set"), help: ArgumentHelp("Override a key.", valueName: "key.path=value"))
    var overrides: [String] = []

    @Flag(help: "Replace the file at --output even if it holds no figures.")
    var overwrite = false

    func run() throws {
        let job = Job()
        let configuration = try RunConfiguration.load(path: file, overrides: overrides)
        let resolved = try ResolvedRun(
            configuration, rankCount: job.rankCount, purpose: .evaluation, checkpoint: checkpoint,
            ranksOnNode: job.launch.localSize)
        // Only the first rank writes, so the output's folder need not exist on other nodes.
        if job.isFirst, let output {
            try OutputPath.check([FigureFile.output(output)], against: resolved.inputs, overwriting: overwrite)
        }
        Watchdog.set(Watchdog.Limits(collective: configuration.run.collectiveTimeout))
        let mesh = try job.start(
            ["evaluate"], resolved.layout, isChecked: configuration.run.checkCollectives, sharing: resolved.facts)
        let file = output.map { FigureFile(path: $0, model: resolved.policy.folder ?? resolved.policy.name) }
        let listeners = [FigureTable()] + [file].compactMap(\.self) as [any EventListener]
        let evaluator = try Evaluator(
            resolved, mesh: mesh, workers: job.workers(configuration.run.threads, mesh, besides: resolved.rankByteCount),
            listeners: job.isFirst ? listeners : [])
        try evaluator.evaluate()
        try mesh.agreed { if job.isFirst { try file?.write() } }
        job.finish()
    }
}
