/// The length of the run and the size of its steps: `schedule`.
public struct ScheduleSettings: Equatable, Sendable {
    /// Default: one epoch.
    public var length: ScheduleLength
    /// The size of one optimizer step, over all data ranks. Nil, the default without a preference objective: the kind of the
    /// dataset's records decides between `StepBatch.defaultPairs` and `StepBatch.defaultTokens`.
    public var batch: StepBatch?
    /// The most tokens of a micro-batch on one data rank, except for a single longer record. Default 4096.
    public var tokensPerMicroBatch: Int
    /// Whether a pair's prompt is computed once for both completions, not twice. Default true.
    public var prefixSharing: Bool
    /// The activations that backward computes again. Default: none. No result depends on this setting.
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

    /// - Parameter objectives: with a preference objective, steps are measured in pairs.
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
