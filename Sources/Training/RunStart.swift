/// How a run begins.
public enum RunStart: Equatable, Sendable {
    /// An earlier run in the folder is refused, or replaced with `overwrite`.
    case fresh(overwrite: Bool)
    /// From a checkpoint; from the beginning where there is none at all.
    case resume(ResumeChoice)
}
