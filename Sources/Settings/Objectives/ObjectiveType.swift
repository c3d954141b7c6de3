/// The values of `objective.type`.
enum ObjectiveType: String, CaseIterable {
    case languageModeling = "language_modeling"
    case preference
    case distillation

    /// Every key that an objective of this type may have.
    var keys: [String] {
        switch self {
        case .languageModeling: ObjectiveType.commonKeys
        case .preference: ObjectiveType.commonKeys + PreferenceSettings.keys
        case .distillation: ObjectiveType.commonKeys + DistillationSettings.keys
        }
    }

    static let commonKeys = ["type", "weight"]
}
