public enum StepBatch: Equatable, Sendable {
    /// Preference pairs a step, over all data ranks; the last step of an epoch may have fewer.
    case pairs(Int)
    /// Tokens a step, over all data ranks.
    case tokens(Int)

    /// For preference records.
    public static let defaultPairs = StepBatch.pairs(32)
    /// For texts.
    public static let defaultTokens = StepBatch.tokens(16384)
}

extension StepBatch {
    /// What the section says, or what a preference objective takes for granted; nil leaves it to the dataset.
    static func given(_ section: Section, objectives: [ObjectiveKind]) throws(Failure) -> StepBatch? {
        let pairs = try section.whole("pairs_per_step", .counts).map(StepBatch.pairs)
        let tokens = try section.whole("tokens_per_step", .counts).map(StepBatch.tokens)
        guard !objectives.contains(where: { $0.type == .preference }) else {
            guard tokens == nil else {
                throw section.failure(
                    "tokens_per_step", "does not fit the objective: a preference objective counts pairs",
                    remedy: "Use schedule.pairs_per_step instead.")
            }
            return pairs ?? .defaultPairs
        }
        guard pairs == nil || tokens == nil else {
            throw section.failure(
                "tokens_per_step", "is given beside schedule.pairs_per_step, and both say what a step holds",
                remedy: "Keep one: pairs_per_step for preference records, tokens_per_step for texts.")
        }
        return pairs ?? tokens
    }
}
