import Collectives
import Files
import Foundation
import JSON
import Kernels
import Planning
import Runs
import Settings

/// A measuring process, alone or as one rank of several. The benchmark's own process starts it.
public enum Worker {
    /// - Parameter path: the path of a `Measurement` as JSON.
    public static func run(_ path: String) throws {
        let measurement = try Measurement(json: JSONValue(parsing: Array(Data(contentsOf: URL(fileURLWithPath: path)))))
        let launch = MPIEnvironment.launch()
        prepareMatrixProducts()
        var runs: [String: ResolvedRun] = [:]
        for case .step(_, _, let configuration, _, _, _) in measurement.tasks {
            runs[configuration] = try ResolvedRun(
                RunConfiguration.load(path: configuration), rankCount: launch.size, purpose: .training,
                ranksOnNode: launch.localSize)
        }
        let layout = ParallelLayout(data: launch.size / measurement.tensor, tensor: measurement.tensor)
        let mesh = launch.isLaunched ? try Mesh.over(MPIEnvironment.start(), layout: layout) : .solo()
        let workers = Workers(
            threadCount: measurement.threads, cores: coresToBind(threads: measurement.threads, launch: launch))
        var result = MeasurementResult()
        result.mpi = launch.isLaunched ? MPIEnvironment.libraryVersion : nil
        let budget = TimingBudget(quick: measurement.quick)
        let bench = Bench(mesh: mesh, workers: workers, budget: budget)
        for task in measurement.tasks {
            switch task {
            case .ceiling: result.ceiling = try CeilingBenchmark(bench: bench, model: measurement.shape, quick: measurement.quick).run()
            case .kernels:
                let ceiling = try result.ceiling ?? CeilingBenchmark(bench: bench, model: measurement.shape, quick: true).run()
                let kernels = KernelBenchmark(bench, model: measurement.shape, ceiling: ceiling, quick: measurement.quick)
                result.kernels = try kernels.run()
            case .step(let name, let model, let configuration, let warmUp, let timed, let hasPairs):
                result.step = try StepBenchmark(
                    name: name, model: model, run: runs[configuration]!, mesh: mesh, workers: workers,
                    warmUp: warmUp, timed: timed, hasPairs: hasPairs, budget: budget
                ).measure()
            }
        }
        if mesh.isFirst {
            try TemporaryFile.write(result.json.compact.utf8, to: measurement.output)
        }
        MPIEnvironment.finish()
    }
}

extension Measurement {
    /// - Precondition: the measurement names a model, which the tasks `ceiling` and `kernels` need.
    fileprivate var shape: ModelConfiguration { model!.configuration }
}
