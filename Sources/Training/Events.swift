import Foundation
import Settings

/// What happens in a run, as values: code below `Reporting` emits these and never prints.
public enum TrainingEvent: Sendable {
    case started(RunSummary)
    /// Goes on after `step`, read from a checkpoint that was saved when `metrics.jsonl` ended at `metrics`.
    case resumed(step: Int, metrics: MetricsPosition)
    case notice(String)
    case step(StepReport)
    case evaluated(EvaluationReport)
    case exported(folder: String, step: Int)
    case saved(folder: String, step: Int)
    /// Stopped before the schedule's end, after `step`; only a run that was not begun yet has nothing saved.
    case interrupted(step: Int, reason: StopReason, isSaved: Bool)
    case finished(RunResult)
}

/// Hears of everything on the first rank.
public protocol EventListener: AnyObject {
    func receive(_ event: TrainingEvent) throws(Failure)
}

/// Bytes and rows of `metrics.jsonl`.
public struct MetricsPosition: Equatable, Sendable {
    public let bytes: Int
    public let rows: Int

    public init(bytes: Int, rows: Int) {
        self.bytes = bytes
        self.rows = rows
    }
}

/// When something happened.
public struct Moment: Equatable, Sendable {
    /// By the clock on the wall.
    public let time: Date
    /// Since the run began, over all its processes, in seconds of a monotonic clock: pauses between processes don't count.
    public let elapsedSeconds: Double

    public init(time: Date, elapsedSeconds: Double) {
        self.time = time
        self.elapsedSeconds = elapsedSeconds
    }
}

/// What is about to run.
public struct RunSummary: Sendable {
    public let policy: String
    public let parameterCount: Int
    public let references: [String]
    public let layout: ParallelLayout
    public let threads: Int
    /// 0 for an evaluation.
    public let totalSteps: Int
    public let recordCount: Int
    public let directory: String
}

/// A named figure; figures keep their order.
public struct Figure: Sendable, Equatable {
    public let name: String
    public let value: Double

    public init(_ name: String, _ value: Double) {
        self.name = name
        self.value = value
    }
}

/// One optimizer step: global figures, over all ranks and micro-batches.
public struct StepReport: Sendable {
    public let step: Int
    public let totalSteps: Int
    /// `loss` is this step's, before its update.
    public let figures: [Figure]
    /// When it ended.
    public let moment: Moment

    public subscript(name: String) -> Double? { figures.first { $0.name == name }?.value }
}

/// One pass over a validation dataset after `step` updates; names begin with `eval_`.
public struct EvaluationReport: Sendable {
    public let step: Int
    public let dataset: String
    public let figures: [Figure]
    /// When it ended.
    public let moment: Moment
    /// Mean −log p of the tokens to be predicted, nats; nil where no objective tells it.
    let negativeLogLikelihood: Double?

    public subscript(name: String) -> Double? { figures.first { $0.name == name }?.value }
}

public struct RunResult: Sendable {
    public let steps: Int
    public let seconds: Double
    /// Summed over all ranks.
    public let peakMemoryByteCount: Int
    public let exportFolder: String?
}
