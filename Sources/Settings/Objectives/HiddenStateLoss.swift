/// The loss between two hidden states of the teacher's width: a of the student and b of the teacher.
public enum HiddenStateLoss: String, CaseIterable, Sendable {
    /// The mean over the width of (a − b)².
    case meanSquaredError = "mean_squared_error"
    /// 1 − a·b / (‖a‖‖b‖).
    case cosine
}
