import Collectives
import Costs
import Datasets
import Foundation
import Kernels
import Planning
import Runs
import Settings
import Stepping
import Training

/// Times steps of the trainer, as in a run, and the floor of each step.
struct StepBenchmark {
    let name: String
    /// The name of the model in the report.
    let model: String
    let run: ResolvedRun
    let mesh: Mesh
    let workers: Workers
    let warmUp: Int
    let timed: Int
    let hasPairs: Bool
    let budget: TimingBudget

    /// Trains, and after each step times the products that the step needs. So a change of the machine's speed affects both
    /// alike. Collective over all ranks.
    func measure() throws -> StepResult {
        let products = try workloads().map(requiredProducts)
        let bench = Bench(mesh: mesh, workers: workers, budget: budget)
        let collector = StepCollector(products: Array(products.prefix(warmUp + timed)), untimed: warmUp, bench: bench)
        try Trainer(run, mesh: mesh, workers: workers, listeners: [collector]).train(.fresh(overwrite: true))
        precondition(collector.reports.count == warmUp + timed, "the schedule has as many steps as were asked for")
        let peak = try mesh.world.allReduce([Double(collector.peakMemoryByteCount)])[0]
        let reports = collector.reports.dropFirst(warmUp)
        let floors = collector.floors
        let operations = products.dropFirst(warmUp).prefix(timed).map(\.operations)
        let seconds = reports.map { $0["seconds"]! }
        let pairs = run.configuration.schedule.pairsPerStep
        let splits = Stopwatch.Section.allCases.map { section in
            (section.rawValue, median(reports.map { $0["seconds/\(section.rawValue)"] ?? 0 }))
        }
        return StepResult(
            name: name, model: model, ranks: mesh.world.size, tensor: mesh.tensor.size,
            threads: workers.threadCount, timedSteps: timed, stepSeconds: median(seconds), stepSecondsEach: seconds,
            tokens: median(reports.map { $0["tokens"]! }),
            tokensPerSecond: median(reports.map { $0["tokens_per_second"]! }),
            sequenceTokensPerSecond: median(reports.map { $0["sequence_tokens_per_second"]! }),
            pairsPerSecond: hasPairs ? pairs.map { count in median(seconds.map { Double(count) / $0 }) } : nil,
            modelFlops: median(operations), modelFlopsPerSecond: median(zip(operations, seconds).map(/)),
            floorSeconds: median(floors), floorFraction: median(zip(floors, seconds).map(/)),
            bestRateFloorFraction: median(zip(operations, seconds).map { $0 / collector.bestRate / $1 }),
            peakMemoryBytes: Int(peak), seconds: Dictionary(uniqueKeysWithValues: splits),
            loss: reports.last!["loss"]!)
    }

    /// The workload of each step, over all data ranks.
    func workloads() throws -> [StepWorkload] {
        let configuration = run.configuration
        let packer = MicroBatchPacker(
            tokensPerMicroBatch: configuration.schedule.tokensPerMicroBatch,
            prefixSharing: configuration.schedule.prefixSharing, lengthLimit: run.lengthLimit)
        var planner = StepPlanner(
            run.training!, configuration: configuration, dataRankCount: mesh.data.size, lengthLimit: run.lengthLimit)
        var workloads: [StepWorkload] = []
        while let plan = planner.next() {
            var workload = StepWorkload()
            for records in plan.microBatches.joined() { workload.add(try packer.assemble(records, from: run.training!)) }
            workloads.append(workload)
        }
        return workloads
    }

    /// The policy forward and backward, and each reference forward.
    func requiredProducts(_ workload: StepWorkload) -> [RequiredProduct] {
        let policy = ProductCounter(run.policy.configuration)
        return policy.forward(workload) + policy.backward(workload)
            + run.references.flatMap { reference -> [RequiredProduct] in
                // Cached values of the first epoch need no products in later epochs.
                isCached(reference.settings.name)
                    ? [] : ProductCounter(reference.origin.configuration).forward(workload)
            }
    }

    /// Reads the written configuration, so that it also works with a version that has no such key.
    private func isCached(_ reference: String) -> Bool { run.configuration.resolvedYAML().contains("cache: memory") }
}

extension ScheduleSettings {
    fileprivate var pairsPerStep: Int? {
        guard case .pairs(let count)? = batch else { return nil }
        return count
    }
}

/// Starts to count peak memory again (`proc(5)`, clear_refs). If the system refuses, the peak still counts from the process's
/// start.
func forgetPeakMemory() {
    let file = open("/proc/self/clear_refs", O_WRONLY)
    guard file >= 0 else { return }
    _ = write(file, "5", 1)
    close(file)
}
