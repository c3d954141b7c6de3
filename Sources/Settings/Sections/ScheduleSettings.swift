/// How long the run is and what a step holds: `schedule`.
public struct ScheduleSettings: Equatable, Sendable {
    /// Default one epoch.
    public var length: ScheduleLength
    /// What one optimizer step takes from the dataset, over all data ranks.
    public var batch: StepBatch
    /// Tokens that a micro-batch is packed to, on one data rank. Default 4096.
    public var tokensPerMicroBatch: Int
    /// A pair's prompt is computed once for both completions, not twice. Default true.
    public var prefixSharing: Bool

    public init(
        length: ScheduleLength = .epochs(1), batch: StepBatch, tokensPerMicroBatch: Int = 4096,
        prefixSharing: Bool = true
    ) {
        self.length = length
        self.batch = batch
        self.tokensPerMicroBatch = tokensPerMicroBatch
        self.prefixSharing = prefixSharing
    }
}

public enum ScheduleLength: Equatable, Sendable {
    /// Optimizer steps.
    case steps(Int)
    /// Passes over the training file.
    case epochs(Int)
}

public enum StepBatch: Equatable, Sendable {
    /// Preference pairs a step, over all data ranks; the last step of an epoch may have fewer. Default 32.
    case pairs(Int)
    /// Tokens a step, over all data ranks, for language modelling. Default 16384.
    case tokens(Int)
}

extension ScheduleSettings {
    static let keys = [
        "steps", "epochs", "pairs_per_step", "tokens_per_step", "tokens_per_micro_batch", "prefix_sharing", "recompute",
    ]

    /// - Parameter objective: decides whether a step counts pairs or tokens.
    init(_ section: Section, objective: ObjectiveKind) throws(Failure) {
        try section.requireOnly("none", "recompute")
        self.init(
            length: try ScheduleLength(section),
            batch: try StepBatch(section, objective: objective),
            tokensPerMicroBatch: try section.whole("tokens_per_micro_batch", .counts, default: 4096),
            prefixSharing: try section.boolean("prefix_sharing", default: true))
    }

    var written: WrittenYAML {
        let length: (String, WrittenYAML) =
            switch length {
            case .steps(let count): ("steps", .whole(count))
            case .epochs(let count): ("epochs", .whole(count))
            }
        let batch: (String, WrittenYAML) =
            switch batch {
            case .pairs(let count): ("pairs_per_step", .whole(count))
            case .tokens(let count): ("tokens_per_step", .whole(count))
            }
        return .mapping([
            length, batch, ("tokens_per_micro_batch", .whole(tokensPerMicroBatch)),
            ("prefix_sharing", .boolean(prefixSharing)), ("recompute", .text("none")),
        ])
    }
}

extension ScheduleLength {
    fileprivate init(_ section: Section) throws(Failure) {
        let epochs = try section.whole("epochs", .counts)
        guard let steps = try section.whole("steps", .counts) else {
            self = .epochs(epochs ?? 1)
            return
        }
        guard epochs == nil else {
            throw section.failure(
                "steps", "is given beside schedule.epochs, and both say when the run ends",
                remedy: "Keep one; `--set schedule.epochs=null` drops the other for a run.")
        }
        self = .steps(steps)
    }
}

extension StepBatch {
    fileprivate init(_ section: Section, objective: ObjectiveKind) throws(Failure) {
        switch objective {
        case .preference:
            try StepBatch.refuse(section, "tokens_per_step", "a preference objective counts pairs", "pairs_per_step")
            self = .pairs(try section.whole("pairs_per_step", .counts) ?? 32)
        case .languageModeling:
            try StepBatch.refuse(
                section, "pairs_per_step", "a language_modeling objective counts tokens", "tokens_per_step")
            self = .tokens(try section.whole("tokens_per_step", .counts) ?? 16384)
        }
    }

    private static func refuse(
        _ section: Section, _ key: String, _ reason: String, _ other: String
    ) throws(Failure) {
        guard section.isGiven(key) else { return }
        throw section.failure(
            key, "does not fit the objective: \(reason)", remedy: "Use schedule.\(other) instead.")
    }
}
