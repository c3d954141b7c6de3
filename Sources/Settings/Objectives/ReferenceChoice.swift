public enum ReferenceChoice: Equatable, Sendable {
    /// The frozen model of this name under `references`.
    case named(String)
    /// No model: the reference's log-probabilities count as 0.
    case none

    /// How the configuration writes `.none`.
    static let noReference = "none"
}
