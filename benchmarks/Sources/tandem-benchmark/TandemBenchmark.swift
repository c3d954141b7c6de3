import ArgumentParser
import Benchmarks
import Collectives
import Foundation
import Reporting
import Settings
import Training

extension BenchmarkModel: ExpressibleByArgument {}
extension BenchmarkPart: ExpressibleByArgument {}
extension Recomputation: ExpressibleByArgument {}

@main
struct TandemBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark",
        abstract: "Times the machine, every kernel and whole training steps; docs/performance.md says what each figure means.")

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

    @Option(help: "Preference pairs of token ids (JSONL) in place of random ones of like lengths.")
    var pairs: String?

    @Option(help: "Timed steps of each kind.")
    var steps: Int?

    @Option(help: "schedule.tokens_per_micro_batch of the steps.")
    var tokensPerMicroBatch = 4096

    @Option(help: "schedule.recompute of the steps: none, attention or block.")
    var recompute = Recomputation.nothing

    @Option(help: ArgumentHelp("Also times PyTorch and TRL with this Python, by turns with ours.", valueName: "python"))
    var peers: String?

    @Option(help: ArgumentHelp("Also writes everything as JSON.", valueName: "file"))
    var json: String?

    /// What a process that this program starts is to measure.
    @Option(help: .hidden)
    var worker: String?

    func run() throws {
        do {
            try checkProcessor()
            try worker.map(Worker.run) ?? benchmark()
        } catch let failure as Failure {
            end(failure)
        } catch let agreed as AgreedFailure {
            end(agreed.failure)
        } catch let error as CollectiveError {
            end(Failure("MPI", error.description, remedy: "Start it again.", exitCode: .tryAgain))
        }
    }

    private func benchmark() throws {
        guard !MPIEnvironment.launch().isLaunched else {
            throw Failure(
                "mpirun", "started this program", remedy: "Start it alone, with --ranks: it calls mpirun itself.",
                exitCode: .usage)
        }
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
        let folder = NSTemporaryDirectory() + "tandem-benchmark-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let run = try BenchmarkRun(request, folder: folder) { Console.writeError("benchmark: measuring \($0)") }
        let report: BenchmarkReport
        do { report = try run.run() } catch {
            try? FileManager.default.removeItem(atPath: folder)
            throw error
        }
        if let json { try report.encoded().write(to: URL(fileURLWithPath: json)) }
        try Console.write(report.text)
    }

    /// One line and its exit code; under mpirun every rank ends.
    private func end(_ failure: Failure) -> Never {
        if MPIEnvironment.launch().rank == 0 || MPIEnvironment.isRunning { Console.writeError("benchmark: \(failure)") }
        MPIEnvironment.abort(failure.exitCode)
    }
}
