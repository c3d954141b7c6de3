import Datasets
import Objectives

/// The work of one optimizer step on all data ranks. Every rank makes the same plan from the sampler's state alone.
public struct StepPlan: Equatable, Sendable {
    /// Counted from 1.
    public let step: Int
    /// Epochs done after this step, with fractions.
    public let epoch: Double
    /// The records of each micro-batch of each data rank. The micro-batch with the most tokens is the last.
    public let microBatches: [[[Int]]]
    /// Records longer than a micro-batch's tokens. Each makes a micro-batch of its own.
    public let oversized: [Int]

    package init(step: Int, epoch: Double, microBatches: [[[Int]]], oversized: [Int]) {
        self.step = step
        self.epoch = epoch
        self.microBatches = microBatches
        self.oversized = oversized
    }

    /// The records of all data ranks.
    var records: [Int] { microBatches.flatMap { $0.flatMap(\.self) } }
}
