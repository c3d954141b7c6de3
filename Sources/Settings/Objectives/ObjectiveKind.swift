public enum ObjectiveKind: Equatable, Sendable {
    /// Cross-entropy of each counted token: the mean over all of the global step, in nats. Of a preference record the
    /// chosen completion counts.
    case languageModeling
    /// A loss of the margin between a chosen and a rejected completion: the mean over all pairs of the global step.
    case preference(PreferenceSettings)
    /// A divergence from frozen teachers: the mean over all counted tokens of the global step, in nats.
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

    /// The names of the references that it uses.
    var referenceNames: [String] {
        switch self {
        case .languageModeling: []
        case .preference(let settings): settings.referenceNames
        case .distillation(let settings): settings.teachers.map(\.name)
        }
    }
}
