/// Learning from frozen teachers: an `objective` of the type `distillation`.
///
/// With a teacher's logits t, the student's logits s and the temperature T, q = softmax(t / T) and p = softmax(s / T) over the
/// vocabulary. A row is a token's prediction of its successor. The loss of a row is the sum over the teachers of
/// weight · divergence(q, p), times T² if `temperatureSquared`. The objective's loss is the mean over all counted rows of the
/// step.
public struct DistillationSettings: Equatable, Sendable {
    /// A reference from which the student learns.
    public struct Teacher: Equatable, Sendable {
        /// The reference's name under `references`.
        public var name: String
        /// Factor on the teacher's divergence. The weights need not sum to 1. Greater than 0; default 1.
        public var weight: Double

        public init(name: String, weight: Double = 1) {
            self.name = name
            self.weight = weight
        }
    }

    /// The teachers, at least one, in the configuration's order, each name once. Required.
    public var teachers: [Teacher]
    /// Default `.forwardKL`.
    public var divergence: DistillationDivergence
    /// T, the divisor of the teacher's and the student's logits. Greater than 0; default 1.
    public var temperature: Double
    /// Whether the divergences are multiplied by T². The factor keeps the size of their gradients about the same at every
    /// temperature. Default true.
    public var temperatureSquared: Bool
    /// The counted rows. Default `.completion`.
    public var tokens: ScoredTokens
    /// Settings to also match hidden states between blocks. Nil, the default: only the predictions are matched.
    public var hiddenStates: HiddenStateSettings?

    public init(
        teachers: [Teacher], divergence: DistillationDivergence = .forwardKL, temperature: Double = 1,
        temperatureSquared: Bool = true, tokens: ScoredTokens = .completion,
        hiddenStates: HiddenStateSettings? = nil
    ) {
        self.teachers = teachers
        self.divergence = divergence
        self.temperature = temperature
        self.temperatureSquared = temperatureSquared
        self.tokens = tokens
        self.hiddenStates = hiddenStates
    }
}

// MARK: - Reading

extension DistillationSettings {
    static let keys = [
        "teacher", "divergence", "beta", "temperature", "temperature_squared", "tokens", "hidden_states",
    ]

    /// - Parameter references: the names of all references.
    init(_ section: Section, references: [String]) throws(Failure) {
        let teachers = try DistillationSettings.teachers(section, references: references)
        self.init(
            teachers: teachers,
            divergence: try DistillationDivergence(section),
            temperature: try section.number("temperature", .positive, default: 1),
            temperatureSquared: try section.boolean("temperature_squared", default: true),
            tokens: try section.choice("tokens", default: .completion),
            hiddenStates: try section.isGiven("hidden_states")
                ? HiddenStateSettings(
                    section.section("hidden_states", keys: HiddenStateSettings.keys), teachers: teachers.map(\.name))
                : nil)
    }

    /// Reads `teacher`: a name, or a mapping of names to weights.
    private static func teachers(_ section: Section, references: [String]) throws(Failure) -> [Teacher] {
        let remedy = "Name a model of references, or several with their weights, such as {large: 0.7, small: 0.3}."
        switch section["teacher"]?.content {
        case .mapping(let entries)?:
            guard !entries.isEmpty else { throw section.failure("teacher", "is an empty mapping", remedy: remedy) }
            return try weightedTeachers(section, references: references)
        case .list?:
            throw section.failure("teacher", "is a list, neither a name nor a mapping", remedy: remedy)
        case .scalar?, nil:
            let name = try section.required("teacher", section.text("teacher"), remedy: remedy)
            guard references.contains(name) else {
                throw section.failure(
                    "teacher", "is \"\(name)\", and references has no model of that name",
                    remedy: ReferenceSettings.remedy(forUnknown: name, among: references))
            }
            return [Teacher(name: name)]
        }
    }

    private static func weightedTeachers(_ section: Section, references: [String]) throws(Failure) -> [Teacher] {
        let names = try Section(named: section["teacher"], path: section.keyPath("teacher"), file: section.file)
        var teachers: [Teacher] = []
        for name in names.keys {
            guard references.contains(name) else {
                throw names.failure(
                    name, "references has no model of that name",
                    remedy: ReferenceSettings.remedy(forUnknown: name, among: references))
            }
            let weight = try names.required(
                name, names.number(name, .positive), remedy: "Write the teacher's weight, a number greater than 0.")
            teachers.append(Teacher(name: name, weight: weight))
        }
        return teachers
    }
}

// MARK: - Writing

extension DistillationSettings {
    var written: [(String, WrittenYAML)] {
        [("teacher", writtenTeachers)] + divergence.written + [
            ("temperature", .number(temperature)), ("temperature_squared", .boolean(temperatureSquared)),
            ("tokens", .text(tokens.rawValue)), ("hidden_states", hiddenStates?.written ?? .null),
        ]
    }

    private var writtenTeachers: WrittenYAML {
        if teachers.count == 1, teachers[0].weight == 1 { return .text(teachers[0].name) }
        return .mapping(teachers.map { ($0.name, .number($0.weight)) })
    }
}
