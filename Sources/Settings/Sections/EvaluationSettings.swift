/// When validation figures are computed during training: `evaluation`.
public struct EvaluationSettings: Equatable, Sendable {
    /// Optimizer steps between evaluations. Nil, the default: no evaluation between the start and the end.
    public var every: Int?
    /// Whether there is also an evaluation before the first step. Default true.
    public var atStart: Bool

    public init(every: Int? = nil, atStart: Bool = true) {
        self.every = every
        self.atStart = atStart
    }
}

extension EvaluationSettings {
    static let keys = ["every", "at_start"]

    init(_ section: Section, validation: [NamedFile]) throws(Failure) {
        self.init(
            every: try section.whole("every", .counts), atStart: try section.boolean("at_start", default: true))
        guard every == nil || !validation.isEmpty else {
            throw section.failure(
                "every", "asks for validation figures, but data.validation names no file",
                remedy: "Add data.validation, or leave evaluation.every out.")
        }
    }

    var written: WrittenYAML {
        .mapping([("every", every.map(WrittenYAML.whole) ?? .null), ("at_start", .boolean(atStart))])
    }
}
