import Collectives
import Stepping

/// Finds a rank that takes longer than the others for the same work, step after step.
///
/// Ranks with long pairs have more tokens, so each rank's seconds are scaled to the mean number of tokens before they are
/// compared. A rank with too few tokens is left out.
struct StragglerDetector {
    /// A slow rank's time exceeds the median of the others by at least this factor, and by `excessSeconds`.
    private static let ratio = 1.5
    private static let excessSeconds = 0.1
    /// Number of consecutive slow steps before a rank is named.
    private static let stepCount = 5
    /// A named rank is not named again for this number of steps.
    private static let silentStepCount = 100
    /// The smallest fraction of the mean number of tokens that a rank must have to be compared.
    private static let smallestShare = 0.25

    private let hosts: [String]
    /// For each rank, its consecutive slow steps up to the last: its seconds, and the others' median.
    private var streaks: [[(own: Double, others: Double)]]
    private var namedAt: [Int?]

    /// - Parameter hosts: of all ranks.
    init(hosts: [String]) {
        self.hosts = hosts
        streaks = hosts.map { _ in [] }
        namedAt = hosts.map { _ in nil }
    }

    /// The notice after a step, the same on all ranks; nil if no rank is slow.
    mutating func notice(_ work: [RankWork], step: Int) -> String? {
        let seconds = StragglerDetector.comparable(work)
        for rank in work.indices {
            guard let own = seconds[rank] else { continue }
            let others = seconds.indices.filter { $0 != rank }.compactMap { seconds[$0] }
            guard let median = StragglerDetector.median(others), own > median * StragglerDetector.ratio,
                own > median + StragglerDetector.excessSeconds
            else {
                streaks[rank] = []
                continue
            }
            streaks[rank] = streaks[rank].suffix(StragglerDetector.stepCount - 1) + [(own, median)]
        }
        let slow = streaks.indices.filter { rank in
            streaks[rank].count == StragglerDetector.stepCount
                && namedAt[rank].map { step - $0 >= StragglerDetector.silentStepCount } ?? true
        }
        guard let rank = slow.max(by: { mean(streaks[$0].map(\.own)) < mean(streaks[$1].map(\.own)) }) else { return nil }
        namedAt[rank] = step
        let (own, others) = (mean(streaks[rank].map(\.own)), mean(streaks[rank].map(\.others)))
        return "rank \(rank) (\(hosts[rank])) is slow: \(shown(own)) s of work for each step, others need \(shown(others)) s "
            + "for as many tokens, in the last \(StragglerDetector.stepCount) steps; all ranks wait for it"
    }

    /// Seconds scaled to the mean number of tokens; nil for a rank with too few tokens.
    private static func comparable(_ work: [RankWork]) -> [Double?] {
        let mean = work.reduce(0) { $0 + $1.tokens } / Double(work.count)
        return work.map { rank in
            guard rank.tokens > 0, rank.tokens >= mean * smallestShare else { return nil }
            return rank.fixedSeconds + (rank.seconds - rank.fixedSeconds) * mean / rank.tokens
        }
    }

    private static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

    private func shown(_ seconds: Double) -> String { "\((seconds * 100).rounded() / 100)" }
}
