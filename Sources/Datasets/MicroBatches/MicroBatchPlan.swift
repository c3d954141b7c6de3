/// Which records go into which micro-batch.
public struct MicroBatchPlan: Equatable, Sendable {
    /// Records of each micro-batch. Each has at least one; there are none without records.
    public var microBatches: [[Int]] = []
    /// Records longer than the limit: a notice to the user is due.
    public var oversized: [Int] = []

    public init() {}
}
