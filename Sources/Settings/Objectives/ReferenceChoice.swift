/// The reference of a preference objective.
public enum ReferenceChoice: Equatable, Sendable {
    /// The frozen model with this name under `references`.
    case named(String)
    /// No model: the reference's log-probabilities count as 0.
    case none

    /// The word for `.none` in the configuration.
    static let noReference = "none"
}
