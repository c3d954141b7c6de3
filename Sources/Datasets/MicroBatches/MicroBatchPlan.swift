/// Which records go into which micro-batch.
public struct MicroBatchPlan: Equatable, Sendable {
    /// Records of each micro-batch, at least one in each. Empty without records.
    public var microBatches: [[Int]] = []
    /// Records longer than the limit: the user must be told.
    public var oversized: [Int] = []

    public init() {}
}
