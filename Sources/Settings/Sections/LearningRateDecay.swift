/// How the learning rate changes after warm-up. `LearningRateSchedule` has the formulas.
public enum LearningRateDecay: String, CaseIterable, Sendable {
    case constant
    case linear
    case cosine
}
