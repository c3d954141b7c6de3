/// What happens to a pair of which no token of the prompt is left before the completions.
public enum EmptyPrompt: String, Sendable, CaseIterable {
    /// The whole preparation is refused, naming the line.
    case refuse
    /// The record is dropped and counted.
    case drop
}
