/// What `prepare` does with a record that is longer than the maximum.
public enum Truncation: String, Sendable, CaseIterable {
    /// A chat loses its oldest exchanges first, and its system turn last. Other records lose tokens at the beginning: a pair
    /// those of its prompt, a text those before the first counted token. The beginning of sequence stays. A record that is
    /// still too long is dropped and counted.
    case prompt
    /// The record is dropped and counted.
    case drop
    /// `prepare` fails with an error that names the line.
    case refuse
}
