import Datasets
import Foundation
import Planning
import Runs
import Settings
import Stepping

/// The options of `./launch/benchmark scaling`.
public struct ScalingRequest: Sendable {
    /// The numbers of ranks. 1 is always added, because the others are compared with one rank.
    public var ranks = [1, 2]
    public var references = ScalingSeries.Reference.allCases
    public var growths = ScalingSeries.Growth.allCases
    public var axes = ScalingSeries.Axis.allCases
    public var steps = 3
    /// How often every series is measured. A round measures all numbers of ranks, so a change of the machine's speed affects
    /// all alike.
    public var rounds = 2
    public var quick = false
    /// The machine's rates for the forecast. Nil: no forecast.
    public var machine: MachineRates?
    /// The most nodes of the forecast.
    public var nodes = 1024

    public init() {}

    /// - Throws: `Failure` (usage) for impossible numbers.
    public func check() throws(Failure) {
        for (name, value) in ranks.map({ ("--ranks", $0) }) + [("--steps", steps), ("--rounds", rounds), ("--nodes", nodes)]
        where !(1...1_000_000).contains(value) {
            throw Failure(name, "is \(value)", remedy: "Give a number from 1 to 1000000.", exitCode: .usage)
        }
    }
}
