import Checkpoints
import Runs
import Settings
import Stepping

/// What of a run's settings and data its duration depends on, beside its steps.
struct RunCourse: Equatable, Sendable {
    let totalSteps: Int
    /// Until every record was seen once.
    let firstEpochSteps: Int
    /// Passes over each validation file, in the whole run.
    let evaluationCount: Int
    /// Of all validation files together, each prompt once.
    let evaluationTokens: Int
    /// Models that are exported.
    let exportCount: Int
    let exportByteCount: Double
    /// Nil: by `checkpointMinutes`, or none.
    let checkpointEvery: Int?
    let checkpointMinutes: Double?

    init(_ run: ResolvedRun) {
        let configuration = run.configuration
        let planner = StepPlanner(
            run.training!, configuration: configuration, dataRankCount: run.layout.data, lengthLimit: run.lengthLimit)
        let totalSteps = planner.totalSteps
        self.totalSteps = totalSteps
        firstEpochSteps = min(totalSteps, planner.stepsOfFirstEpoch)
        // After the last step always; a step that is both counts once.
        func count(every: Int?) -> Int { every.map { (totalSteps - 1) / $0 + 1 } ?? 1 }
        evaluationCount = count(every: configuration.evaluation.every) + (configuration.evaluation.atStart ? 1 : 0)
        evaluationTokens = run.validation.reduce(0) { sum, entry in
            (0..<entry.file.recordCount).reduce(sum) { $0 + entry.file.tokenCount(of: $1) }
        }
        exportCount = count(every: configuration.export.every)
        exportByteCount = run.exportByteCount
        checkpointEvery = configuration.run.checkpointEvery
        checkpointMinutes = configuration.run.checkpointMinutes
    }
}
