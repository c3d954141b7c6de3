import Datasets
import Foundation
import Planning
import Runs
import Settings
import Stepping

/// What `./launch/benchmark scaling` is asked for.
public struct ScalingRequest: Sendable {
    /// One rank is always among them: the others are compared with it.
    public var ranks = [1, 2]
    public var references = ScalingSeries.Reference.allCases
    public var growths = ScalingSeries.Growth.allCases
    public var axes = ScalingSeries.Axis.allCases
    public var steps = 3
    /// Every series is measured so often, its numbers of ranks by turns: a machine whose speed wanders meets all alike.
    public var rounds = 2
    public var quick = false
    /// The machine's rates, for the forecast; nil leaves it out.
    public var machine: MachineRates?
    /// The forecast goes to so many nodes.
    public var nodes = 1024

    public init() {}

    /// - Throws: `Failure` (usage) for numbers that can't be.
    public func check() throws(Failure) {
        for (name, value) in ranks.map({ ("--ranks", $0) }) + [("--steps", steps), ("--rounds", rounds), ("--nodes", nodes)]
        where !(1...1_000_000).contains(value) {
            throw Failure(name, "is \(value)", remedy: "Give a number from 1 to 1000000.", exitCode: .usage)
        }
    }
}
