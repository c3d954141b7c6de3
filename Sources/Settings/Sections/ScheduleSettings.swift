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
        return .mapping(
            [length] + batch + [
                ("tokens_per_micro_batch", .whole(tokensPerMicroBatch)), ("prefix_sharing", .boolean(prefixSharing)),
                ("recompute", .text(recompute.rawValue)),
            ])
    }
}
