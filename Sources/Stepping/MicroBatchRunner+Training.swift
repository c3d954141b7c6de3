import Collectives
import Model
import Objectives
import References

// U scored hidden rows, R targets.

extension MicroBatchRunner where Kind == Trainable {
    /// Runs a step's micro-batches forward and backward. Adds their sums to `sums`, and the gradients of Σ weight · Σ
    /// losses / denominator to the policy's gradients. Collective over all ranks if references have layouts of their own,
    /// else over the tensor ranks.
    ///
    /// - Parameters:
    ///   - denominators: one for each objective, of the full step over all data ranks.
    ///   - reduction: begins with the last micro-batch's backward.
    package func train(
        _ batches: StepBatches, dataRank: Int, sums: inout StepSums, denominators: [Double], reduction: GradientReduction? = nil
    ) throws(CollectiveError) {
        // A data rank without micro-batches in this step contributes zeros.
        if batches.own.isEmpty {
            reduction?.begin()
            reduction?.areFinal(from: 0)
        }
        let scales = zip(objectives, denominators).map { $0.weight / $1 }
        _ = try forEachRound(of: batches, dataRank: dataRank) { (batch, place) throws(CollectiveError) in
            let last = place.index == batches.own.count - 1 ? reduction : nil
            last?.begin()
            try train(batch, at: place, sums: &sums, scales: scales) { last?.areFinal(from: $0) }
            last?.areFinal(from: 0)
        }
    }

    /// - Parameters:
    ///   - scales: factors for each objective's sum of losses.
    ///   - whenFinal: see `Transformer.backward`.
    private func train(
        _ batch: PreparedMicroBatch, at place: MicroBatchPlace, sums: inout StepSums, scales: [Double],
        whenFinal: (_ offset: Int) -> Void
    ) throws(CollectiveError) {
        var constant: LossGradients?
        let evaluated = try evaluated(batch, at: place, sums: &sums) { (request) throws(CollectiveError) in
            constant = constantGradients(batch, request, scales)
            guard let constant else { return try policy.forward(batch.plan, request) }
            return try policy.forward(batch.plan, request, knowing: constant)
        }
        let (request, results) = (evaluated.request, evaluated.results)
        try stopwatch.measure(.backward) { () throws(CollectiveError) in
            var gradients = constant ?? headGradients(results.map(\.gradients), scales, request, batch.plan)
            gradients.layers = layerGradients(results, scales, evaluated.pass, request, batch.plan)
            try policy.backward(evaluated.pass, batch.plan, request, gradients: gradients, whenFinal: whenFinal)
        }
    }

    /// Gradients for the head, if all objectives know theirs before the forward pass; else nil.
    private func constantGradients(
        _ batch: PreparedMicroBatch, _ request: ForwardRequest, _ scales: [Double]
    ) -> LossGradients? {
        var known: [ObjectiveGradients] = []
        for entry in objectives {
            let rowCount = batch.plan.targetRows.count
            guard let gradients = entry.objective.constantGradients(batch.records, rowCount: rowCount) else { return nil }
            known.append(gradients)
        }
        return headGradients(known, scales, request, batch.plan)
    }

    /// The gradients of all objectives together with respect to log-probabilities and distributions.
    private func headGradients(
        _ results: [ObjectiveGradients], _ scales: [Double], _ request: ForwardRequest, _ plan: ForwardPlan
    ) -> LossGradients {
        var targets = [Double](repeating: 0, count: plan.targetRows.count)
        var distributions = request.distributions.map { _ in [Float](repeating: 0, count: plan.scoredPositions.count) }
        for (objective, result) in results.enumerated() {
            for (target, gradient) in result.targets.enumerated() { targets[target] += gradient * scales[objective] }
            for (term, values) in result.terms.enumerated() {
                guard let distribution = distributionIndices[objective][term] else { continue }
                distributions[distribution] = rowWeights(values, scales[objective], plan)
            }
        }
        return LossGradients(targets: targets.map(Float.init), distributions: distributions)
    }

    /// The gradients of all objectives together with respect to the residual stream after some blocks.
    private func layerGradients(
        _ results: [ObjectiveResult], _ scales: [Double], _ pass: ForwardPass, _ request: ForwardRequest, _ plan: ForwardPlan
    ) -> [LossGradients.Layer] {
        var layers: [LossGradients.Layer] = []
        for (objective, result) in results.enumerated() {
            for (term, values) in result.gradients.terms.enumerated() {
                guard let matcher = matchers[objective][term] else { continue }
                layers += matcher.backward(
                    weights: rowWeights(values, scales[objective], plan), policy: pass.layers,
                    reference: request.references[matcher.term.reference]!.layers, parameters: policy.parameters)
            }
        }
        return layers
    }

    /// `[U]` for each hidden row, the sum of a term's values over the row's targets.
    private func rowWeights(_ values: [Double], _ scale: Double, _ plan: ForwardPlan) -> [Float] {
        var weights = [Double](repeating: 0, count: plan.scoredPositions.count)
        for (target, row) in plan.targetRows.enumerated() { weights[row] += values[target] * scale }
        return weights.map(Float.init)
    }
}
