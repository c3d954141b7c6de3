/// The learning rate's course after warm-up; `LearningRateSchedule` has the formulas.
public enum LearningRateDecay: String, CaseIterable, Sendable {
    case constant
    case linear
    case cosine
}
