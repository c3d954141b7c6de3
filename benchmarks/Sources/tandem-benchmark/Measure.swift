import ArgumentParser
import Benchmarks
import Files
import Foundation
import Reporting
import Settings

/// The default command.
struct Measure: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Times the machine, every kernel and whole training steps.")

    @Flag(help: "One timed step and short repetitions. Checks that everything works; don't use the figures.")
    var quick = false

    @Option(
        parsing: .upToNextOption,
        help: "Run only these parts: \(BenchmarkPart.allCases.map(\.rawValue).joined(separator: ", ")).")
    var only: [BenchmarkPart] = []

    @Option(help: "Number of ranks. Several ranks run under mpirun.")
    var ranks = 1

    @Option(help: "Number of tensor ranks. It must divide --ranks.")
    var tensor = 1

    @Option(help: "Threads per rank. Default: the cores divided by the ranks.")
    var threads: Int?

    @Option(help: "The shape of the model: 30M, 135M (SmolLM2's) or 360M.")
    var model = BenchmarkModel.medium

    @Option(help: "Preference pairs of token ids (JSONL). Default: random pairs with realistic lengths.", transform: expandedPath)
    var pairs: String?

    @Option(help: "Number of timed steps of each kind.")
    var steps: Int?

    @Option(help: "schedule.tokens_per_micro_batch of the steps.")
    var tokensPerMicroBatch = 4096

    @Option(help: "schedule.recompute of the steps: none, attention or block.")
    var recompute = Recomputation.nothing

    @Option(help: ArgumentHelp("Also time PyTorch and TRL with this Python, in turns with Tandem.", valueName: "python"), transform: expandedPath)
    var peers: String?

    @Option(help: ArgumentHelp("Also write all results as JSON.", valueName: "file"), transform: expandedPath)
    var json: String?

    @Flag(help: "Replace the file at --json even if no benchmark wrote it.")
    var overwrite = false

    /// The file with the tasks of a measuring process, which this program starts.
    @Option(help: .hidden)
    var worker: String?

    func run() throws { try endingWithOneLine { try worker.map(Worker.run) ?? benchmark() } }

    private func benchmark() throws {
        try checkStartedAlone()
        var request = BenchmarkRequest()
        request.model = model
        request.only = only
        request.quick = quick
        request.ranks = ranks
        request.tensor = tensor
        request.threads = threads
        request.pairs = pairs
        request.steps = steps
        request.tokensPerMicroBatch = tokensPerMicroBatch
        request.recompute = recompute
        request.peers = peers
        let outputs = json.map { [BenchmarkOutput.json.path($0)] } ?? []
        try OutputPath.check(outputs, against: pairs.map { [$0] } ?? [], overwriting: overwrite)
        let report = try inTemporaryFolder { folder in
            try BenchmarkRun(request, folder: folder) { Console.writeError("benchmark: measuring \($0)") }.run()
        }
        if let json { try TemporaryFile.write((report.json.indented + "\n").utf8, to: json) }
        try Console.write(report.text)
    }
}
