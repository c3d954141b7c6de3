/// What `prepare` does with a pair whose prompt keeps no token before the completions.
public enum EmptyPrompt: String, Sendable, CaseIterable {
    /// `prepare` fails with an error that names the line.
    case refuse
    /// The record is dropped and counted.
    case drop
}
