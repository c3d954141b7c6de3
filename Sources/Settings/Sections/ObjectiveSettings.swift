/// What is minimised, and how much it weighs: `objective`.
public struct ObjectiveSettings: Equatable, Sendable {
    /// Factor on the objective's mean loss and its gradient. Default 1.
    public var weight: Double
    public var kind: ObjectiveKind

    public init(weight: Double = 1, kind: ObjectiveKind) {
        self.weight = weight
        self.kind = kind
    }
}

public enum ObjectiveKind: Equatable, Sendable {
    /// Cross-entropy of each counted token: the mean over all of the global step, in nats.
    case languageModeling
    /// A loss of the margin between a chosen and a rejected completion: the mean over all pairs of the global step.
    case preference(PreferenceSettings)
}

/// The preference loss and its constants.
public struct PreferenceSettings: Equatable, Sendable {
    /// Default `.sigmoid`.
    public var loss: PreferenceLoss
    /// β, the factor on the margin of log-probabilities (nats). Greater than 0; default 0.1.
    public var beta: Double
    /// ε, the share of pairs taken to be labelled the wrong way round. In [0, 0.5); default 0.
    public var labelSmoothing: Double
    /// What the policy is measured against. Required.
    public var reference: ReferenceChoice

    public init(
        loss: PreferenceLoss = .sigmoid, beta: Double = 0.1, labelSmoothing: Double = 0, reference: ReferenceChoice
    ) {
        self.loss = loss
        self.beta = beta
        self.labelSmoothing = labelSmoothing
        self.reference = reference
    }
}

public enum PreferenceLoss: String, CaseIterable, Sendable {
    /// DPO (arXiv:2305.18290): −(1−ε)·logσ(βΔ) − ε·logσ(−βΔ).
    case sigmoid
}

public enum ReferenceChoice: Equatable, Sendable {
    /// The frozen model of this name under `references`.
    case named(String)
    /// No model: the reference's log-probabilities count as 0.
    case none

    /// How the configuration writes `.none`.
    static let noReference = "none"
}

/// `objective.type`.
enum ObjectiveType: String, CaseIterable {
    case languageModeling = "language_modeling"
    case preference

    var keys: [String] {
        switch self {
        case .languageModeling: ["type", "weight"]
        case .preference: ["type", "weight", "loss", "beta", "label_smoothing", "reference"]
        }
    }
}

extension ObjectiveSettings {
    static let keys = ObjectiveType.preference.keys

    /// Every objective: `objective` is one mapping or a list of them. Several at once are refused so far.
    ///
    /// - Parameter references: the names that an objective may call a reference by.
    static func all(_ root: Section, references: [String]) throws(Failure) -> [ObjectiveSettings] {
        guard let node = root["objective"], !node.isNull else {
            throw root.failure(
                "objective", "is missing",
                remedy: "Add objective: {type: language_modeling}, or {type: preference, reference: NAME}.")
        }
        guard case .list(let items) = node.content else {
            return [try ObjectiveSettings(node, path: "objective", file: root.file, references: references)]
        }
        guard let item = items.first, items.count == 1 else {
            throw root.failure(
                "objective",
                items.isEmpty ? "is an empty list" : "lists several objectives, which is not supported yet",
                remedy: "Give one objective.")
        }
        return [try ObjectiveSettings(item, path: "objective.0", file: root.file, references: references)]
    }

    private init(
        _ node: ConfigurationNode, path: String, file: String, references: [String]
    ) throws(Failure) {
        let type = try ObjectiveSettings.type(node, path: path, file: file)
        let section = try Section(
            node, path: path, title: "a \(type.rawValue) objective", file: file, keys: type.keys)
        let kind: ObjectiveKind =
            switch type {
            case .languageModeling: .languageModeling
            case .preference: .preference(try PreferenceSettings(section, references: references))
            }
        self.init(weight: try section.number("weight", .positive, default: 1), kind: kind)
    }

    /// The type decides which keys the rest may have, so it is read before them.
    private static func type(
        _ node: ConfigurationNode, path: String, file: String
    ) throws(Failure) -> ObjectiveType {
        var onlyType = node
        if case .mapping(let entries) = node.content {
            onlyType.content = .mapping(entries.filter { $0.key == "type" })
        }
        let section = try Section(onlyType, path: path, file: file, keys: keys)
        return try section.required(
            "type", section.choice("type"), remedy: "Use language_modeling or preference.")
    }

    var written: WrittenYAML {
        switch kind {
        case .languageModeling:
            return .mapping([("type", .text("language_modeling")), ("weight", .number(weight))])
        case .preference(let settings):
            return .mapping([("type", .text("preference")), ("weight", .number(weight))] + settings.written)
        }
    }
}

extension ObjectiveSettings {
    /// The name of the reference that it uses; nil for none.
    var referenceName: String? {
        guard case .preference(let settings) = kind, case .named(let name) = settings.reference else { return nil }
        return name
    }
}

extension PreferenceSettings {
    fileprivate init(_ section: Section, references: [String]) throws(Failure) {
        let reference = try section.required(
            "reference", section.text("reference"),
            remedy: "Name a model of references, or write none to train without a reference model.")
        guard reference == ReferenceChoice.noReference || references.contains(reference) else {
            throw section.failure(
                "reference", "is \"\(reference)\", and references has no model of that name",
                remedy: references.isEmpty
                    ? "Add references: {\(reference): {checkpoint: FOLDER}}."
                    : "It has \(references.joined(separator: ", ")).")
        }
        self.init(
            loss: try section.choice("loss", default: .sigmoid),
            beta: try section.number("beta", .positive, default: 0.1),
            labelSmoothing: try section.number("label_smoothing", .below(0.5), default: 0),
            reference: reference == ReferenceChoice.noReference ? .none : .named(reference))
    }

    fileprivate var written: [(String, WrittenYAML)] {
        let name =
            switch reference {
            case .named(let name): name
            case .none: ReferenceChoice.noReference
            }
        return [
            ("loss", .text(loss.rawValue)), ("beta", .number(beta)), ("label_smoothing", .number(labelSmoothing)),
            ("reference", .text(name)),
        ]
    }
}
