import ArgumentParser
import Benchmarks
import Files
import Foundation
import Reporting
import Settings

/// What runs where no other command is named.
struct Measure: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Times the machine, every kernel and whole training steps.")

    @Flag(help: "One timed step and short repetitions: to see that all works, not for figures.")
    var quick = false

    @Option(
        parsing: .upToNextOption,
        help: "Only these: \(BenchmarkPart.allCases.map(\.rawValue).joined(separator: ", ")).")
    var only: [BenchmarkPart] = []

    @Option(help: "Ranks; more than one start under mpirun.")
    var ranks = 1

    @Option(help: "Tensor ranks among them.")
    var tensor = 1

    @Option(help: "Threads of a rank. Left out, the cores are shared out.")
    var threads: Int?

    @Option(help: "The shape: 30M, 135M (SmolLM2's) or 360M.")
    var model = BenchmarkModel.medium

    @Option(help: "Preference pairs of token ids (JSONL) in place of random ones of like lengths.", transform: expandedPath)
    var pairs: String?

    @Option(help: "Timed steps of each kind.")
    var steps: Int?

    @Option(help: "schedule.tokens_per_micro_batch of the steps.")
    var tokensPerMicroBatch = 4096

    @Option(help: "schedule.recompute of the steps: none, attention or block.")
    var recompute = Recomputation.nothing

    @Option(help: ArgumentHelp("Also times PyTorch and TRL with this Python, by turns with ours.", valueName: "python"), transform: expandedPath)
    var peers: String?

    @Option(help: ArgumentHelp("Also writes everything as JSON.", valueName: "file"), transform: expandedPath)
    var json: String?

    @Flag(help: "Replace a file at --json that no benchmark wrote.")
    var overwrite = false

    /// What a process that this program starts is to measure.
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
        if let json { try TemporaryFile.write(report.encoded(), to: json) }
        try Console.write(report.text)
    }
}
