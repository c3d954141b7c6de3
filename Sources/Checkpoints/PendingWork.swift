/// The work that is due after a step, without its checkpoint.
public struct PendingWork: Codable, Equatable, Sendable {
    /// Names of validation datasets, in order.
    public var evaluations: [String]
    public var isExportDue: Bool

    public init(evaluations: [String], isExportDue: Bool) {
        self.evaluations = evaluations
        self.isExportDue = isExportDue
    }

    public var isEmpty: Bool { evaluations.isEmpty && !isExportDue }

    enum CodingKeys: String, CodingKey {
        case evaluations
        case isExportDue = "export"
    }
}
