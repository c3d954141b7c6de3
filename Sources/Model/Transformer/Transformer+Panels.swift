import Collectives
import Kernels
import Tensors

// U scored hidden rows, R targets.

extension Transformer where Kind == Trainable {
    /// `forward` for losses whose row weights are known beforehand, such as a plain likelihood or a distillation. The head
    /// runs backward at once, while it holds a panel's logits, so they are computed once instead of twice. `backward` does
    /// the rest.
    ///
    /// - Parameter gradients: gradients of targets and distributions are used here; gradients of layers are for `backward`.
    public func forward(
        _ plan: ForwardPlan, _ request: ForwardRequest, knowing gradients: LossGradients
    ) throws(CollectiveError) -> ForwardPass {
        try runBlocks(plan, keeping: request.layers)
        let start = headClock
        defer { headSeconds += headClock - start }
        let states = normalizedStates(plan)
        let rowCount = states.normalized.rowCount
        let hiddenGradient = headGradient.matrix(rowCount: rowCount, columnCount: configuration.hiddenSize)
        var scored = ScoredBatch(
            rows: [], logProbabilities: [Double](repeating: 0, count: plan.targetRows.count), targetRows: plan.targetRows,
            distributions: request.distributions.map { _ in [] })
        // The ranks' vocabulary ranges differ in length, but all ranks must cut the same panels.
        let widestRange = sharding.vocabularyRows.map(\.count).max()!
        for rows in Head.panels(rowCount: rowCount, columnCount: widestRange) {
            let (targets, indices) = plan.targets.part(rows)
            let panel = Panel(
                hidden: states.normalized.rows(rows), targets: targets,
                references: request.referenceHeads.map { $0.rows(rows) })
            let (whole, distributions) = try score(panel, request)
            scored.rows += whole.rows
            for (index, value) in zip(indices, whole.logProbabilities) { scored.logProbabilities[index] = value }
            for (index, own) in distributions.enumerated() { scored.distributions[index] += own }
            head.backwardPanel(
                panel.hidden, weight: parameters.values[table.head.weight], range: vocabulary, targets: targets,
                logSumExp: whole.rows.map(\.logSumExp), gradients: indices.map { gradients.targets[$0] },
                hiddenGradient: hiddenGradient.rows(rows), weightGradient: parameters.gradients[table.head.weight],
                biasGradient: table.head.bias.map { parameters.gradients[$0] },
                references: panel.references,
                distributions: distributions.indices.map {
                    DistributionGradient(
                        request: request.distributions[$0], rows: distributions[$0],
                        weights: Array(gradients.distributions[$0][rows]))
                })
        }
        return ForwardPass(
            number: passCount, scored: scored, layers: keptLayers(request.layers, plan), headGradient: hiddenGradient)
    }

    /// Some scored rows, with their targets and references.
    private struct Panel {
        let hidden: Matrix
        let targets: HeadTargets
        let references: [ReferenceHead]
    }

    /// Scores a panel. The head keeps its logits. Collective over the tensor ranks.
    private func score(
        _ panel: Panel, _ request: ForwardRequest
    ) throws(CollectiveError) -> (whole: (rows: [RowStatistics], logProbabilities: [Double]), distributions: [[DistributionRow]]) {
        let partial = head.forwardPanel(
            panel.hidden, weight: parameters.values[table.head.weight], bias: headBias, range: vocabulary, targets: panel.targets,
            references: panel.references, requests: request.distributions)
        let whole = try combined(partial.statistics, targetRows: panel.targets.rows)
        var distributions = try combined(partial.distributions, request.distributions)
        let sums = head.accumulatePanel(
            rowCount: panel.hidden.rowCount, range: vocabulary, references: panel.references,
            requests: request.distributions, rows: distributions)
        try addSums(sums, request.distributions, to: &distributions)
        return (whole, distributions)
    }
}
