import Settings

/// What is wrong with one line of input, before its file and line number are known.
struct RecordError: Error {
    let reason: String
    let remedy: String
    /// Set where the line is not at fault: a chat template that is not known, for instance.
    let failure: Failure?
    /// No token of the prompt is left: `EmptyPrompt` says what becomes of such a record.
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
