/// The rules that every record must pass before it is stored. A completion is never cut.
struct LengthRules {
    let maximumLength: Int?
    let truncation: Truncation

    /// - Parameter encoder: nil without a tokenizer.
    /// - Throws: `RecordError` for a record that is too long under `.refuse`.
    func judge(_ encoded: EncodedRecord, encoder: RecordEncoder?) throws(RecordError) -> JudgedLine {
        if let reason = encoded.record.nothingToLearn { return .dropped(reason) }
        let length = encoded.record.lengths.longest
        guard let maximumLength, length > maximumLength else { return .kept(encoded, lost: []) }
        switch truncation {
        case .drop: return .dropped(.tooLong)
        case .refuse:
            throw RecordError(
                "\(length) tokens are more than the maximum of \(maximumLength)",
                remedy: "Raise --max-length, or choose --truncation prompt or drop.")
        case .prompt:
            let shortened =
                if let encoder {
                    try encoder.shortened(encoded, to: maximumLength)
                } else {
                    encoded.cut(to: maximumLength, keeping: 0)
                }
            guard let shortened else { return .dropped(.tooLong) }
            return .kept(shortened.encoded, lost: shortened.lost)
        }
    }
}

extension EncodedRecord {
    /// The record cut at its beginning to `maximum` tokens; nil if the cut would reach a completion or a counted token.
    ///
    /// - Parameter kept: the number of tokens at the beginning that stay.
    func cut(to maximum: Int, keeping kept: Int) -> (encoded: EncodedRecord, lost: Set<Shortening>)? {
        let excess = record.lengths.longest - maximum
        var cut = self
        switch record.kind {
        case .preference:
            // At least one token of the prompt stays, besides the `kept` ones.
            guard excess < record.prompt.count - kept else { return nil }
            cut.record[.prompt].removeSubrange(kept..<(kept + excess))
        case .text:
            // The token before the first counted token stays, because it predicts the counted one.
            guard let firstCounted = record.firstCounted, excess < firstCounted - kept else { return nil }
            cut.record.tokens.removeSubrange(kept..<(kept + excess))
            cut.record.lossMask?.removeSubrange(kept..<(kept + excess))
        }
        return (cut, [.beginning])
    }
}

extension DatasetRecord {
    /// The reason why there is nothing to learn from the record; nil if there is something to learn.
    var nothingToLearn: DropReason? {
        switch kind {
        case .preference: chosen == rejected ? .identical : nil
        case .text: firstCounted == nil ? .nothingCounted : nil
        }
    }

    /// The index of a text's first token that is predicted and counted.
    fileprivate var firstCounted: Int? {
        guard tokens.count >= 2 else { return nil }
        guard let lossMask else { return 1 }
        return lossMask.indices.dropFirst().first { lossMask[$0] }
    }
}
