import Datasets
import Objectives

/// What one optimizer step computes, on all data ranks: made alike by every rank from the sampler's state alone.
public struct StepPlan: Equatable, Sendable {
    /// From 1.
    public let step: Int
    /// Epochs done after this step, in fractions.
    public let epoch: Double
    /// Records of each micro-batch of each data rank, the one with the most tokens last.
    public let microBatches: [[[Int]]]
    /// Records longer than a micro-batch's tokens: they make one of their own.
    public let oversized: [Int]

    package init(step: Int, epoch: Double, microBatches: [[[Int]]], oversized: [Int]) {
        self.step = step
        self.epoch = epoch
        self.microBatches = microBatches
        self.oversized = oversized
    }

    /// Of all data ranks.
    var records: [Int] { microBatches.flatMap { $0.flatMap(\.self) } }
}
