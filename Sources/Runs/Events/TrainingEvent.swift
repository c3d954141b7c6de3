/// Events of a run, as values. Code below `Reporting` emits them and never prints.
public enum TrainingEvent: Sendable {
    case started(RunSummary)
    /// The run resumes after `step`. `metrics` is the end of `metrics.jsonl` when the checkpoint was saved.
    case resumed(step: Int, metrics: MetricsPosition)
    case notice(String)
    case step(StepReport)
    case evaluated(EvaluationReport)
    case exported(folder: String, step: Int)
    case saved(folder: String, step: Int)
    /// Stopped after `step`, before the schedule's end. Nothing is saved only if the run had not begun yet.
    case interrupted(step: Int, reason: StopReason, isSaved: Bool)
    case finished(RunResult)
}
