/// A number that a record may bring along, which is not a token.
public enum RecordNumber: String, Sendable, CaseIterable {
    case weight, margin, label, advantage
}
