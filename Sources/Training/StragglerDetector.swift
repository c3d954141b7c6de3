import Collectives
import Stepping

/// Finds a rank that takes longer than the others for the same work, step after step.
///
/// Shares are uneven where pairs are long, so each rank's seconds are set to the mean share of tokens before they are
/// compared; a share too small to tell is passed over.
struct StragglerDetector {
    /// How much longer than the median of the others, at least.
    private static let ratio = 1.5
    private static let excessSeconds = 0.1
    /// In so many steps, one after the other.
    private static let stepCount = 5
    /// A rank that was named is not named again for so many steps.
    private static let silentStepCount = 100
    /// Of the mean share of tokens.
    private static let smallestShare = 0.25

    private let hosts: [String]
    /// Of each rank in its last steps, if it was slow in all of them: its seconds, and the others' median.
    private var streaks: [[(own: Double, others: Double)]]
    private var namedAt: [Int?]

    /// - Parameter hosts: of all ranks.
    init(hosts: [String]) {
        self.hosts = hosts
        streaks = hosts.map { _ in [] }
        namedAt = hosts.map { _ in nil }
    }

    /// What is to be said after a step, on all ranks the same; nil where nothing is.
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
        return "rank \(rank) (\(hosts[rank])) is slow: \(shown(own)) s of work a step where others need \(shown(others)) s "
            + "for as many tokens, in the last \(StragglerDetector.stepCount) steps; all ranks wait for it"
    }

    /// Seconds for the mean share of tokens; nil where a rank's own is too small to tell.
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
