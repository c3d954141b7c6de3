import Settings

/// Bytes that a rank sends in a step, by axis: of a sum over n ranks 2(n − 1)/n of its bytes, which no way of adding up can
/// do with less of.
public struct Traffic: Equatable, Sendable {
    /// Gradients, over the data axis; with `zero: 1` half of them are new parameters.
    public var gradients = 0.0
    /// Activations and their gradients, over the tensor axis.
    public var activations = 0.0
    /// Reference values to the ranks that need them, over the bridge; a mean over ranks.
    public var referenceValues = 0.0

    /// Mean over the steps of `work`.
    public init(_ shape: RunShape, _ work: [StepWork]) {
        let shards = ModelShards(shape.policy, size: shape.layout.tensor)
        let parameters = (0..<shape.layout.tensor).map(shards.parameterCount).max()!
        func sent(_ bytes: Double, _ ranks: Int) -> Double { 2 * Double(ranks - 1) / Double(ranks) * bytes }
        gradients = sent(4 * parameters, shape.layout.data)
        let workloads = work.flatMap { $0.flatMap(\.self) }
        // Of a data rank and step.
        let share = 1 / Double(max(work.count, 1) * shape.layout.data)
        for workload in workloads {
            let policy = TensorSums(policy: shape.policy, workload, recompute: shape.recompute).byteCount
            activations += share * sent(policy, shape.layout.tensor)
            for reference in shape.references {
                let own = reference.placement?.layout ?? shape.layout
                let copies = Double(own.rankCount) / Double(own.tensor * shape.layout.data)
                let sums = TensorSums(reference: reference.model, workload).byteCount
                activations += share * sent(sums, own.tensor) * min(1, copies)
                if reference.placement != nil {
                    referenceValues += share * Traffic.referenceBytes(reference, workload)
                }
            }
        }
    }

    /// Of one micro-batch, to each rank that needs them: 8 bytes a prediction, or hidden states `[U, D]`, one set more a
    /// matched block.
    public static func referenceBytes(_ reference: RunShape.Reference, _ workload: StepWorkload) -> Double {
        let states =
            reference.teaches || reference.matchedLayerCount > 0
            ? 4 * Double(workload.scoredRows * reference.model.hiddenSize * (1 + reference.matchedLayerCount)) : 0
        return states + (reference.scores ? 8 * Double(workload.targetRows) : 0)
    }
}
