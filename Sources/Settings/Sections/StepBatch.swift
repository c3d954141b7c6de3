/// The size of an optimizer step: `schedule.pairs_per_step` or `schedule.tokens_per_step`.
public enum StepBatch: Equatable, Sendable {
    /// Preference pairs per step, over all data ranks. The last step of an epoch may have fewer.
    case pairs(Int)
    /// Tokens per step, over all data ranks.
    case tokens(Int)

    /// The default for preference records.
    public static let defaultPairs = StepBatch.pairs(32)
    /// The default for texts.
    public static let defaultTokens = StepBatch.tokens(16384)
}

extension StepBatch {
    /// The section's size of a step, or the default of a preference objective. Nil: the dataset's kind decides.
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
