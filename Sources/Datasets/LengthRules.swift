/// What happens to a record that is longer than the maximum.
public enum Truncation: String, Sendable, CaseIterable {
    /// The beginning of the prompt is cut (of a text: of the tokens before the first counted one). Where that does
    /// not make enough room the record is dropped and counted.
    case prompt
    /// The record is dropped and counted.
    case drop
    /// The whole preparation is refused, naming the line.
    case refuse
}

/// Why a record was left out.
public enum DropReason: String, Sendable, CaseIterable {
    /// Longer than the maximum, and cutting its prompt was not allowed or not enough.
    case tooLong = "too long"
    /// Chosen and rejected are the same tokens: no preference to learn.
    case identical = "chosen and rejected identical"
    /// A text of one token, or with a mask that counts none: nothing to predict.
    case nothingCounted = "no token counts"
}

/// The rules that every record passes before it is stored. A completion is never cut.
struct LengthRules {
    let maximumLength: Int?
    let truncation: Truncation

    enum Verdict: Equatable {
        case keep(DatasetRecord, truncated: Bool)
        case drop(DropReason)
    }

    /// - Throws: `RecordError` for a record that is too long under `.refuse`.
    func judge(_ record: PreferenceRecord) throws(RecordError) -> Verdict {
        if record.chosen == record.rejected { return .drop(.identical) }
        guard let excess = excess(of: record.lengths) else { return .keep(.preference(record), truncated: false) }
        try refuseIfAsked(record.lengths)
        // One prompt token must stay: it predicts the completions' first tokens.
        guard truncation == .prompt, excess < record.prompt.count else { return .drop(.tooLong) }
        var cut = record
        cut.prompt.removeFirst(excess)
        return .keep(.preference(cut), truncated: true)
    }

    /// - Throws: `RecordError` for a record that is too long under `.refuse`.
    func judge(_ record: TextRecord) throws(RecordError) -> Verdict {
        guard let firstCounted = record.firstCounted else { return .drop(.nothingCounted) }
        guard let excess = excess(of: record.lengths) else { return .keep(.text(record), truncated: false) }
        try refuseIfAsked(record.lengths)
        // The token before the first counted one stays: it predicts it.
        guard truncation == .prompt, excess < firstCounted else { return .drop(.tooLong) }
        var cut = record
        cut.tokens.removeFirst(excess)
        cut.lossMask?.removeFirst(excess)
        return .keep(.text(cut), truncated: true)
    }

    /// Tokens above the maximum, nil where there are none.
    private func excess(of lengths: RecordLengths) -> Int? {
        guard let maximumLength, lengths.longest > maximumLength else { return nil }
        return lengths.longest - maximumLength
    }

    private func refuseIfAsked(_ lengths: RecordLengths) throws(RecordError) {
        guard truncation == .refuse, let maximumLength else { return }
        throw RecordError(
            "\(lengths.longest) tokens are more than the maximum of \(maximumLength)",
            remedy: "Raise --max-length, or choose --truncation prompt or drop.")
    }
}

extension TextRecord {
    /// The index of the first token that is predicted and counted.
    fileprivate var firstCounted: Int? {
        guard tokens.count >= 2 else { return nil }
        guard let lossMask else { return 1 }
        return lossMask.indices.dropFirst().first { lossMask[$0] }
    }
}
