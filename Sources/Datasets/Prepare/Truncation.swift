/// What happens to a record that is longer than the maximum.
public enum Truncation: String, Sendable, CaseIterable {
    /// A chat loses its oldest exchanges, and its system turn last; other records lose tokens of the prompt's beginning (of a
    /// text: of what comes before the first counted token), but not their beginning of sequence. Where that does not make
    /// enough room the record is dropped and counted.
    case prompt
    /// The record is dropped and counted.
    case drop
    /// The whole preparation is refused, naming the line.
    case refuse
}
