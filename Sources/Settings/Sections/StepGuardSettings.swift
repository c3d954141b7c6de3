/// What happens to a step whose numbers are wrong: keys of `optimizer`.
public struct StepGuardSettings: Equatable, Sendable {
    /// What happens after a loss or a gradient that is not finite. Default `.stop`.
    public var nonFinite: NonFinitePolicy
    /// A step is skipped if its loss is more than this many standard deviations above the mean of recent losses. Greater than
    /// 0. Nil, the default: no step is skipped for its loss.
    public var spikeZScore: Double?
    /// The number of recent losses for the mean and the standard deviation. At least 2; default 50.
    public var spikeWindow: Int
    /// The run stops after this many skipped steps in a row. Default 3.
    public var skipLimit: Int

    public init(
        nonFinite: NonFinitePolicy = .stop, spikeZScore: Double? = nil, spikeWindow: Int = 50, skipLimit: Int = 3
    ) {
        self.nonFinite = nonFinite
        self.spikeZScore = spikeZScore
        self.spikeWindow = spikeWindow
        self.skipLimit = skipLimit
    }

    /// Whether any step can be skipped.
    public var canSkip: Bool { nonFinite == .skip || spikeZScore != nil }
}

extension StepGuardSettings {
    static let keys = ["non_finite", "skip_limit", "spike_z_score", "spike_window"]

    init(_ section: Section) throws(Failure) {
        self.init(
            nonFinite: try section.choice("non_finite", default: .stop),
            spikeZScore: try section.number("spike_z_score", .positive),
            spikeWindow: try section.whole("spike_window", 2...100_000, default: 50),
            skipLimit: try section.whole("skip_limit", .counts, default: 3))
    }

    var written: [(String, WrittenYAML)] {
        [
            ("non_finite", .text(nonFinite.rawValue)), ("skip_limit", .whole(skipLimit)),
            ("spike_z_score", spikeZScore.map(WrittenYAML.number) ?? .null), ("spike_window", .whole(spikeWindow)),
        ]
    }
}
