import Tensors

/// Statistics and gradients of the policy's logits in a tile.
extension HeadTile {
    /// Adds a row to the statistics, and records the logits of its targets inside the tile.
    func add(_ row: Int, targets: HeadTargets, to access: PartialRowStatistics.Access) {
        let values = policy.row(row - rows.lowerBound)
        access.add(values, count: columns.count, firstToken: firstToken, toRow: row)
        for index in targets.indices(ofRow: row) {
            let column = targets.token(index) - firstToken
            if column >= 0 && column < columns.count { access.targetLogits[index] = Double(values[column]) }
        }
    }

    /// Turns the policy's logits into the gradients of the targets' log-probabilities, in place. Without a cap only.
    private func likelihoodGradients(targets: HeadTargets, logSumExp: [Double], gradients: [Float]) {
        for row in rows { logitGradient(row, targets: targets, logSumExp: logSumExp[row], gradients: gradients) }
    }

    /// Turns the policy's logits into the gradients of the logits before the cap, in place: the gradients of the targets'
    /// log-probabilities plus the gradients of `distributions`.
    func logitGradients(
        targets: HeadTargets, logSumExp: [Double], gradients: [Float], plan: DistributionPlan,
        distributions: [DistributionGradient], scratch: HeadScratch
    ) {
        guard !plan.isEmpty || cap != nil else {
            return likelihoodGradients(targets: targets, logSumExp: logSumExp, gradients: gradients)
        }
        for row in rows {
            let values = policy.row(row - rows.lowerBound)
            let logits = scratch.copy(values, count: columns.count)
            if targets.indices(ofRow: row).allSatisfy({ gradients[$0] == 0 }) {
                values.update(repeating: 0, count: columns.count)
            } else {
                logitGradient(row, targets: targets, logSumExp: logSumExp[row], gradients: gradients)
            }
            for (entry, distribution) in zip(plan.entries, distributions) where distribution.weights[row] != 0 {
                let statistics = distribution.rows[row]
                withRow(row, of: entry, statistics: statistics, policyLogits: logits) { tile in
                    entry.loss.addGradient(
                        tile, row: statistics, weight: distribution.weights[row],
                        to: MutableLogitRow(values, count: tile.count))
                }
            }
            cap?.backward(values, capped: logits, count: columns.count)
        }
    }

    /// Turns a row's logits into the gradient of its targets' log-probabilities, in place.
    private func logitGradient(_ row: Int, targets: HeadTargets, logSumExp: Double, gradients: [Float]) {
        let (logits, count) = (policy.row(row - rows.lowerBound), columns.count)
        let indices = targets.indices(ofRow: row)
        var weight: Float = 0
        for index in indices { weight += gradients[index] }
        let offset = Float(logSumExp)
        var column = 0
        while column + 8 <= count {
            logits.store8(exponential(logits.load8(column) - offset) * -weight, column)
            column += 8
        }
        if column < count {
            let value = exponential(logits.loadPartial(column, count: count - column, fill: offset) - offset) * -weight
            logits.storePartial(value, column, count: count - column)
        }
        for index in indices {
            let target = targets.token(index) - firstToken
            if target >= 0 && target < count { logits[target] += gradients[index] }
        }
    }
}
