/// How a run begins.
public enum RunStart: Equatable, Sendable {
    /// A new run. An earlier run in the folder is refused, or replaced with `overwrite`.
    case fresh(overwrite: Bool)
    /// Resumes from a checkpoint; starts from the beginning if there is no checkpoint.
    case resume(ResumeChoice)
}
