import Foundation
import Planning
import Runs
import Settings

/// The options of the command line.
public struct BenchmarkRequest: Sendable {
    public var model = BenchmarkModel.medium
    /// The parts to run. Empty: the usual parts.
    public var only: [BenchmarkPart] = []
    public var quick = false
    public var ranks = 1
    public var tensor = 1
    /// Threads per rank. Nil: the cores divided by the ranks.
    public var threads: Int?
    public var pairs: String?
    /// The number of timed steps. Nil: 3, or 1 if `quick`.
    public var steps: Int?
    public var tokensPerMicroBatch = 4096
    public var recompute = Recomputation.nothing
    /// A Python with torch, transformers and trl.
    public var peers: String?

    public init() {}

    /// - Throws: `Failure` (usage) for numbers that don't fit together.
    public func check() throws(Failure) {
        func refuse(_ option: String, _ reason: String, _ remedy: String) -> Failure {
            Failure(option, reason, remedy: remedy, exitCode: .usage)
        }
        for (name, value) in [
            ("--ranks", ranks), ("--tensor", tensor), ("--threads", threads ?? 1), ("--steps", steps ?? 1),
            ("--tokens-per-micro-batch", tokensPerMicroBatch),
        ]
        where !(1...1_000_000).contains(value) { throw refuse(name, "is \(value)", "Give a number from 1 to 1000000.") }
        guard ranks % tensor == 0 else {
            throw refuse("--tensor \(tensor)", "does not divide \(ranks) ranks", "Give a divisor of --ranks.")
        }
        guard tensor <= model.configuration.keyValueHeadCount else {
            throw refuse(
                "--tensor \(tensor)", "is more than the \(model.configuration.keyValueHeadCount) key/value heads of \(model.rawValue)",
                "Give fewer tensor ranks.")
        }
    }
}
