/// Where a reference's log-probabilities are kept from one epoch to the next.
public enum ReferenceCaching: String, CaseIterable, Sendable {
    /// Nowhere: they are computed again in each epoch.
    case off
    /// In the memory of every rank.
    case memory
}
