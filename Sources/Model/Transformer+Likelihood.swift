import Collectives
import Kernels
import Tensors

// U scored hidden rows, R targets.

extension Transformer where Kind == Trainable {
    /// `forward` for a loss whose derivatives are known beforehand, as a plain likelihood's are: the head goes backward
    /// at once, while it holds a panel's logits, which are then computed once instead of twice. `backward` does the rest.
    ///
    /// - Parameter targetGradients: `[R]` ∂loss/∂(each target's log-probability).
    public func forward(_ plan: ForwardPlan, targetGradients: [Float]) throws(CollectiveError) -> ForwardPass {
        try runBlocks(plan, keeping: [])
        let start = headClock
        defer { headSeconds += headClock - start }
        let states = normalizedStates(plan)
        let hiddenGradient = headGradient.matrix(rowCount: states.normalized.rowCount, columnCount: configuration.hiddenSize)
        var rows: [RowStatistics] = []
        var logProbabilities = [Double](repeating: 0, count: plan.targetRows.count)
        // The ranks' ranges differ in length; all must cut the same panels.
        let widestRange = sharding.vocabularyRows.map(\.count).max()!
        for panel in Head.panels(rowCount: states.normalized.rowCount, columnCount: widestRange) {
            let (targets, indices) = plan.targets.part(panel)
            let hidden = states.normalized.rows(panel)
            let partial = head.forwardPanel(
                hidden, weight: parameters.values[table.head], range: vocabulary, targets: targets)
            let whole = try combined(partial, targetRows: targets.rows)
            rows += whole.rows
            for (index, value) in zip(indices, whole.logProbabilities) { logProbabilities[index] = value }
            head.backwardPanel(
                hidden, weight: parameters.values[table.head], range: vocabulary, targets: targets,
                logSumExp: whole.rows.map(\.logSumExp), gradients: indices.map { targetGradients[$0] },
                hiddenGradient: hiddenGradient.rows(panel), weightGradient: parameters.gradients[table.head])
        }
        let scored = ScoredBatch(
            rows: rows, logProbabilities: logProbabilities, targetRows: plan.targetRows, distributions: [])
        return ForwardPass(number: passCount, scored: scored, layers: [:], headGradient: hiddenGradient)
    }
}
