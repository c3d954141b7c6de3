/// What becomes of a step whose numbers are wrong: keys of `optimizer`.
public struct StepGuardSettings: Equatable, Sendable {
    /// A loss or a gradient that is not finite. Default `.stop`.
    public var nonFinite: NonFinitePolicy
    /// Standard deviations above the mean of recent losses from which on a step is skipped. Greater than 0; nil, the
    /// default: never.
    public var spikeZScore: Double?
    /// Losses that mean and standard deviation are of. At least 2; default 50.
    public var spikeWindow: Int
    /// Steps skipped one after the other at which the run stops. Default 3.
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
