/// The type of an objective, with the settings of its loss.
public enum ObjectiveKind: Equatable, Sendable {
    /// Cross-entropy in nats, averaged over all counted tokens of the global step. In a preference record, the chosen
    /// completion counts.
    case languageModeling
    /// A loss of the margin between a chosen and a rejected completion, averaged over all pairs of the global step.
    case preference(PreferenceSettings)
    /// A divergence from frozen teachers in nats, averaged over all counted tokens of the global step.
    case distillation(DistillationSettings)
}

extension ObjectiveKind {
    var type: ObjectiveType {
        switch self {
        case .languageModeling: .languageModeling
        case .preference: .preference
        case .distillation: .distillation
        }
    }

    /// The names of the references that the objective uses.
    var referenceNames: [String] {
        switch self {
        case .languageModeling: []
        case .preference(let settings): settings.referenceNames
        case .distillation(let settings): settings.teachers.map(\.name)
        }
    }
}
