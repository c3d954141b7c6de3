import Costs
import Settings

extension RunPlan {
    /// Operations of a step's matrix products over all ranks, a mean over the steps that were laid out: what the mathematics
    /// needs, and apart from it what the program computes again.
    public var operations: [(name: String, count: Double)] {
        let counter = ProductCounter(shape.policy)
        func mean(_ operations: (StepWorkload) -> Double) -> Double {
            work.flatMap { $0.flatMap(\.self) }.reduce(0) { $0 + operations($1) } / Double(max(work.count, 1))
        }
        func layers(_ workload: StepWorkload) -> Double {
            counter.forward(.projections, workload).operations + counter.forward(.feedForward, workload).operations
        }
        var entries: [(name: String, count: Double)] = [
            ("layers, forward", mean(layers)), ("layers, backward", mean { 2 * layers($0) }),
            ("attention, forward", mean { counter.forward(.attention, $0).operations }),
            ("attention, backward", mean { counter.backward(.attention, $0).operations }),
            ("head, forward", mean { counter.forward(.head, $0).operations }),
            ("head, backward", mean { counter.backward(.head, $0).operations }),
        ]
        for reference in shape.references {
            let own = ProductCounter(reference.model)
            let parts = ProductCounter.Part.allCases.filter { $0 != .head || reference.scores || reference.teaches }
            entries.append(
                ("reference \(reference.name)", mean { workload in parts.reduce(0) { $0 + own.forward($1, workload).operations } }))
        }
        if !shape.keepsLogits {
            entries.append(("head's logits, again", mean { counter.forward(.head, $0).operations }))
        }
        return entries
    }

    /// Tokens of a step, each prompt once, over all ranks: a mean over the steps that were laid out.
    public var tokens: Double {
        Double(work.flatMap { $0.flatMap(\.self) }.reduce(0) { $0 + $1.tokens }) / Double(max(work.count, 1))
    }
}
