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
