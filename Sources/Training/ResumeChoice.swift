import Checkpoints
import Runs

/// Which checkpoint a run goes on from.
public enum ResumeChoice: Equatable, Sendable {
    /// The latest; it must be whole.
    case latest
    /// The newest that is whole.
    case latestValid
    case step(Int)
}
