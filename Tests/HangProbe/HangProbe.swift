import Collectives
import Diagnosis
import Foundation
import Kernels
import Objectives
import Runs
import Settings
import Stepping
import Tensors
import Training

/// Ranks that do what they must not, under mpirun: `hang-probe MODE`, where the modes are the cases below. What the watchdog
/// or an error says is printed as the commands print it.
@main
enum HangProbe {
    enum Mode: String {
        /// The first rank adds up, the others meet at a barrier.
        case different
        /// The first rank adds up twice as much as the others.
        case counts
        /// The second rank sleeps.
        case late
        /// Two ranks go through two groups in opposite orders.
        case crossed
        /// The second rank ends without a word.
        case gone
        /// The second rank sleeps in each micro-batch of the run that a second argument configures.
        case slow
        /// Nothing is wrong: prints the nanoseconds of recording an operation, and of doing it.
        case cost
    }

    static func main() throws {
        let mode = Mode(rawValue: CommandLine.arguments[1])!
        let isChecked = CommandLine.arguments.last == "checked"
        Watchdog.listen { report in
            say((["tandem: \(report.failure)"] + report.details.map { "tandem: note: \($0)" }).joined(separator: "\n"))
        }
        // A slow rank is waited for: only the ranks that hang have a limit that a busy disk could pass.
        Watchdog.set(Watchdog.Limits(collective: mode == .slow ? 60 : 1.5))
        let first = try MPIEnvironment.start()
        let world = isChecked ? try first.comparing() : first
        let mesh = try Mesh.over(world, layout: ParallelLayout(data: world.size, tensor: 1))
        do {
            try run(mode, mesh)
        } catch let error as CollectiveError {
            if Watchdog.claimWord() { say("tandem: \(error.cause?.description ?? error.description)") } else { sleep(3) }
            MPIEnvironment.abort(error.cause?.exitCode ?? .tryAgain)
        }
        MPIEnvironment.finish()
    }

    private static func run(_ mode: Mode, _ mesh: Mesh) throws {
        let rank = mesh.world.rank
        let numbers = Matrix(rowCount: 1, columnCount: 4096)
        numbers.fill(0)
        try mesh.data.barrier()
        switch mode {
        case .different: if rank == 0 { try mesh.data.allReduce(numbers) } else { try mesh.data.barrier() }
        case .counts: try mesh.data.allReduce(rank == 0 ? numbers : numbers.columns(0..<2048))
        case .late:
            RankActivity.begin(.training, step: 7)
            RankActivity.begin(.backward)
            RankActivity.begin(microBatch: 3, of: 4)
            if rank == 1 { sleep(60) }
            try mesh.data.allReduce(numbers)
        case .crossed:
            if rank == 0 { try mesh.data.barrier() }
            try mesh.world.barrier()
            if rank != 0 { try mesh.data.barrier() }
        case .gone:
            if rank == 1 { _exit(0) }
            try mesh.data.allReduce(numbers)
        case .slow: try train(mesh)
        case .cost: try measureCost(mesh)
        }
    }

    private static func say(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8)) }

    // MARK: A slow rank

    private struct Slow: Objective {
        let inner = LanguageModeling()
        let rank: Int

        var name: String { inner.name }
        var datasetKinds: Set<DatasetKind> { inner.datasetKinds }
        var metricNames: [String] { inner.metricNames }
        func count(_ records: [RecordLayout]) -> Int { inner.count(records) }

        func evaluate(_ batch: ScoredRecords) -> ObjectiveResult {
            if rank == 1 { usleep(250_000) }
            return inner.evaluate(batch)
        }
    }

    private final class Notices: EventListener {
        func receive(_ event: TrainingEvent) throws(Failure) {
            switch event {
            case .notice(let text): print("note: \(text)")
            case .step(let report): print("slowest \(report["seconds/slowest_rank"] ?? 0)")
            default: break
            }
        }
    }

    private static func train(_ mesh: Mesh) throws {
        let objective = WeightedObjective(Slow(rank: mesh.world.rank))
        let run = try ResolvedRun(
            RunConfiguration.load(path: CommandLine.arguments[2]), rankCount: mesh.world.size, purpose: .training,
            objectives: [objective])
        prepareMatrixProducts()
        let listeners: [any EventListener] = mesh.isFirst ? [Notices()] : []
        try Trainer(run, mesh: mesh, workers: Workers(threadCount: 1), listeners: listeners).train(.fresh(overwrite: true))
    }

    // MARK: What recording costs

    private static func measureCost(_ mesh: Mesh) throws {
        let number = Matrix(rowCount: 1, columnCount: 1)
        number.fill(0)
        let count = 100_000
        func nanoseconds(_ body: () throws -> Void) rethrows -> Int {
            let start = DispatchTime.now().uptimeNanoseconds
            for _ in 0..<count { try body() }
            return Int(DispatchTime.now().uptimeNanoseconds - start) / count
        }
        // A part that lasts nothing: what is left is the record and its clock.
        let record = nanoseconds { RankActivity.begin(RankActivity.begin(.forward)) }
        try mesh.data.barrier()
        let sum = try nanoseconds { try mesh.data.allReduce(number) }
        if mesh.isFirst { print("two changes of phase \(record) ns, a sum of one float \(sum) ns") }
    }
}
