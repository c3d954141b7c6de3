import Settings

/// How long the parts of a record are, and what follows from that. All in tokens.
struct RecordLengths: Equatable {
    /// Prompt, or the whole text.
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

    /// Stored, and computed when the prompt is shared.
    var stored: Int { prompt + chosen + rejected }
    /// Each completion with its own prompt.
    var sequences: Int { chosen == 0 ? prompt : 2 * prompt + chosen + rejected }
    /// The longest sequence: it needs this many positions.
    var longest: Int { prompt + max(chosen, rejected) }
}
