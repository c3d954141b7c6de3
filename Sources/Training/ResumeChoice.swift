import Checkpoints
import Runs

/// The checkpoint that a run resumes from.
public enum ResumeChoice: Equatable, Sendable {
    /// The latest checkpoint; it must be whole.
    case latest
    /// The newest checkpoint that is whole.
    case latestValid
    case step(Int)
}
