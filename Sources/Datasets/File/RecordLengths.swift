import Settings

/// The lengths of a record's parts, and the lengths computed from them. All are in tokens.
struct RecordLengths: Equatable {
    /// The prompt of a pair, or the whole text.
    let prompt: Int
    /// Zero for a text.
    let chosen: Int
    let rejected: Int

    init(prompt: Int, chosen: Int, rejected: Int) {
        self.prompt = prompt
        self.chosen = chosen
        self.rejected = rejected
    }

    init(text: Int) { self.init(prompt: text, chosen: 0, rejected: 0) }

    /// - Parameter counts: tokens of each of the kind's sequences.
    init(_ kind: DatasetKind, _ counts: [Int]) {
        switch kind {
        case .preference: self.init(prompt: counts[0], chosen: counts[1], rejected: counts[2])
        case .text: self.init(text: counts[0])
        }
    }

    /// Tokens with the prompt counted once: the tokens stored, and the tokens computed with a shared prompt.
    var stored: Int { prompt + chosen + rejected }
    /// Tokens with the prompt counted for each completion.
    var sequences: Int { chosen == 0 ? prompt : 2 * prompt + chosen + rejected }
    /// Tokens of the longest sequence: the number of positions that the record needs.
    var longest: Int { prompt + max(chosen, rejected) }

    /// Whether the two sequences of a pair see the same prompt, although angles of sequences longer than `lengthLimit` depend
    /// on the length.
    func canSharePrompt(lengthLimit: Int?) -> Bool {
        guard let lengthLimit else { return true }
        return longest <= lengthLimit || chosen == rejected
    }
}
