import JSON

/// The work that is due after a step, without its checkpoint.
public struct PendingWork: Equatable, Sendable {
    /// Names of validation datasets, in order.
    public var evaluations: [String]
    public var isExportDue: Bool

    public init(evaluations: [String], isExportDue: Bool) {
        self.evaluations = evaluations
        self.isExportDue = isExportDue
    }

    public var isEmpty: Bool { evaluations.isEmpty && !isExportDue }
}

extension PendingWork: JSONRepresentable {
    public var json: JSONValue { .fields(["evaluations": evaluations, "export": isExportDue]) }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        evaluations = try fields["evaluations"]
        isExportDue = try fields["export"]
    }
}
