import Settings

/// An error in one line of input, before its file and line number are known.
struct RecordError: Error {
    let reason: String
    let remedy: String
    /// Set if the line is not at fault, for example for an unknown chat template.
    let failure: Failure?
    /// Whether no token of the prompt is left. `EmptyPrompt` decides about such a record.
    let isEmptyPrompt: Bool

    init(_ reason: String, remedy: String = "Correct the line.", isEmptyPrompt: Bool = false) {
        self.reason = reason
        self.remedy = remedy
        self.isEmptyPrompt = isEmptyPrompt
        failure = nil
    }

    init(_ failure: Failure) {
        reason = failure.reason
        remedy = failure.remedy
        self.failure = failure
        isEmptyPrompt = false
    }

    func failure(at place: String) -> Failure { failure ?? .damaged(place, reason, remedy: remedy) }
}
