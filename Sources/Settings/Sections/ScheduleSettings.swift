/// How long the run is and what a step holds: `schedule`.
public struct ScheduleSettings: Equatable, Sendable {
    /// Default one epoch.
    public var length: ScheduleLength
    /// What one optimizer step takes from the dataset, over all data ranks. Nil, the default without a preference
    /// objective: the kind of the dataset's records decides, `StepBatch.defaultPairs` or `StepBatch.defaultTokens`.
    public var batch: StepBatch?
    /// Tokens that a micro-batch is packed to, on one data rank. Default 4096.
    public var tokensPerMicroBatch: Int
    /// A pair's prompt is computed once for both completions, not twice. Default true.
    public var prefixSharing: Bool
    /// What backward computes again instead of keeping it from forward. Default nothing; no result depends on it.
    public var recompute: Recomputation

    public init(
        length: ScheduleLength = .epochs(1), batch: StepBatch? = nil, tokensPerMicroBatch: Int = 4096,
        prefixSharing: Bool = true, recompute: Recomputation = .nothing
    ) {
        self.length = length
        self.batch = batch
        self.tokensPerMicroBatch = tokensPerMicroBatch
        self.prefixSharing = prefixSharing
        self.recompute = recompute
    }
}

/// Which activations of a block are not kept from forward to backward, but computed again: memory for time. The calls are
/// the same, so are the bits.
public enum Recomputation: String, CaseIterable, Sendable {
    case nothing = "none"
    /// Projections and what attention makes of them.
    case attention
    /// All of a block but its input.
    case block
}

public enum ScheduleLength: Equatable, Sendable {
    /// Optimizer steps.
    case steps(Int)
    /// Passes over the training file.
    case epochs(Int)
}

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

extension ScheduleSettings {
    static let keys = [
        "steps", "epochs", "pairs_per_step", "tokens_per_step", "tokens_per_micro_batch", "prefix_sharing", "recompute",
    ]

    /// - Parameter objectives: one of preferences has its steps in pairs.
    init(_ section: Section, objectives: [ObjectiveKind]) throws(Failure) {
        self.init(
            length: try ScheduleLength(section),
            batch: try StepBatch.given(section, objectives: objectives),
            tokensPerMicroBatch: try section.whole("tokens_per_micro_batch", .counts, default: 4096),
            prefixSharing: try section.boolean("prefix_sharing", default: true),
            recompute: try section.choice("recompute") ?? .nothing)
    }

    var written: WrittenYAML {
        let length: (String, WrittenYAML) =
            switch length {
            case .steps(let count): ("steps", .whole(count))
            case .epochs(let count): ("epochs", .whole(count))
            }
        let batch: [(String, WrittenYAML)] =
            switch batch {
            case .pairs(let count)?: [("pairs_per_step", .whole(count))]
            case .tokens(let count)?: [("tokens_per_step", .whole(count))]
            case nil: []
            }
        return .mapping([length] + batch + [
            ("tokens_per_micro_batch", .whole(tokensPerMicroBatch)), ("prefix_sharing", .boolean(prefixSharing)),
            ("recompute", .text(recompute.rawValue)),
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
    /// What the section says, or what a preference objective takes for granted; nil leaves it to the dataset.
    fileprivate static func given(_ section: Section, objectives: [ObjectiveKind]) throws(Failure) -> StepBatch? {
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
