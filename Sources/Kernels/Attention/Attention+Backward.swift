import Tensors

// T tokens, G key/value heads on this rank, J query heads a group, E head dimension, R stacked rows of a piece of queries.

extension Attention {
    /// Gradients of the projections: overwrites all of `gradient[T, (G·J + 2·G)·E]`. Recomputes the weights with `logSumExp`.
    ///
    /// - Parameters:
    ///   - sinks: `[1, G·J]` those of `forward`.
    ///   - sinkGradient: `[1, G·J]`; `+=`.
    public func backward(
        _ outputGradient: Matrix, projections: Matrix, sinks: Matrix? = nil, output: Matrix, logSumExp: Matrix,
        plan: AttentionPlan, into gradient: Matrix, sinkGradient: Matrix? = nil
    ) {
        // Tasks write every gradient only if every token is a query.
        if plan.queryCount < gradient.rowCount { gradient.fill(0) }
        let corrections = corrections.matrix(rowCount: gradient.rowCount, columnCount: groupCount * headsPerGroup)
        packForBackward(outputGradient, projections: projections, output: output, plan: plan, corrections: corrections)
        if let sinks, let sinkGradient {
            addSinkGradients(sinks, logSumExp: logSumExp, corrections: corrections, plan: plan, to: sinkGradient)
        }
        for scratch in scratch { scratch.reserve(keyRowCount: plan.maximumKeyRowCount) }
        partials.grow(to: groupCount * plan.partialRowCount * 2 * sizes.paddedDimension)
        runTasks(plan) { task, group, scratch in
            let keysAcross = self.packedKeys.transposed(group, form: 0)
            let valuesAcross = self.packedKeys.transposed(group, form: 1)
            let keys = self.packedKeys.panels(group, form: 2)
            let sums =
                self.partialSums(plan, task, group)
                ?? KeyGradients(
                    scratch.keyGradients, rowCount: task.keyRowCount, columnCount: self.headDimension)
            sums.keys.fill(0)
            sums.values.fill(0)
            self.forEachPiece(task) { piece, block, place in
                self.packRows(self.queries(projections, group), piece, times: self.queryScale, into: scratch.queries)
                self.packRows(self.queries(outputGradient, group), piece, times: 1, into: scratch.outputGradients)
                self.gatherRowValues(piece, group, logSumExp: logSumExp, corrections: corrections, scratch)
                self.forEachTile(piece, block, place, scratch) { tile in
                    tile.multiply(scratch.queries, byTransposed: keysAcross, into: scratch.scores)
                    tile.multiply(scratch.outputGradients, byTransposed: valuesAcross, into: scratch.scoreGradients)
                    self.differentiate(tile, scratch)
                    tile.addTransposed(scratch.scores, times: scratch.outputGradients, to: sums.values)
                    tile.addTransposed(scratch.scoreGradients, times: scratch.queries, to: sums.keys)
                    tile.add(scratch.scoreGradients, times: keys, to: scratch.outputs, scratch)
                }
                self.writeQueryGradients(piece, group, scratch, into: gradient)
            }
            if task.partialRow == nil {
                for span in task.spans { self.writeKeyGradients(sums, from: span.row, span.tokens, group, into: gradient) }
            }
        }
        addPartials(plan, into: gradient)
    }

    /// Packs keys and values of all tokens, and computes the corrections Σ o·∂o.
    private func packForBackward(
        _ outputGradient: Matrix, projections: Matrix, output: Matrix, plan: AttentionPlan, corrections: Matrix
    ) {
        packedKeys.reserve(rowCount: plan.packedRowCount, groupCount: groupCount, formCount: AttentionPlan.packedForms)
        workers.run(plan.packs.count) { index, _ in
            let span = plan.packs[index]
            for group in 0..<self.groupCount {
                let keys = self.keys(projections, group).rows(span.tokens)
                self.packedKeys.transposed(group, form: 0).set(from: span.row, to: keys)
                self.packedKeys.transposed(group, form: 1).set(
                    from: span.row, to: self.values(projections, group).rows(span.tokens))
                self.packedKeys.panels(group, form: 2).set(from: span.row, to: keys)
            }
            for token in span.tokens {
                for head in 0..<corrections.columnCount {
                    corrections.row(token)[head] = dotProduct(
                        output.row(token) + head * self.headDimension, outputGradient.row(token) + head * self.headDimension,
                        count: self.headDimension)
                }
            }
        }
    }

    /// Collects the log-sum-exp (in powers of 2) and the correction of each stacked row of a piece.
    private func gatherRowValues(
        _ piece: AttentionPiece, _ group: Int, logSumExp: Matrix, corrections: Matrix, _ scratch: AttentionScratch
    ) {
        for (index, token) in piece.tokens.enumerated() {
            for head in 0..<headsPerGroup {
                let row = index * headsPerGroup + head
                scratch.sums[row] = corrections.row(token)[group * headsPerGroup + head]
                scratch.maxima[row] = logSumExp.row(token)[group * headsPerGroup + head] * Float(1 / Softmax.logOfTwo)
            }
        }
    }

    /// Turns a tile's scores into weights, and gradients of weights into gradients of scores.
    private func differentiate(_ tile: AttentionTile, _ scratch: AttentionScratch) {
        if let cap = scoreCap { tile.cap(scratch, by: cap, slopes: scratch.slopes) }
        for row in 0..<tile.rowCount {
            let hidden = tile.firstHidden == nil ? 0 : Int(scratch.hidden[row])
            let visible = Int(scratch.visible[row])
            let (start, offset) = (hidden & ~7, row &* AttentionSizes.scoreStride)
            let (scores, gradients) = (scratch.scores + offset, scratch.scoreGradients + offset)
            if hidden < visible || hidden == 0 {
                Softmax.backward(
                    scores: scores + start, gradients: gradients + start, correction: scratch.sums[row],
                    logSumExp: scratch.maxima[row], visible: visible &- start)
                if let slopes = scratch.slopes {
                    ScoreCap.multiply(gradients + start, by: slopes + (offset &+ start), count: visible &- start)
                }
            }
            if tile.firstHidden != nil {
                Softmax.clear(scores, hidden: hidden, visible: visible)
                Softmax.clear(gradients, hidden: hidden, visible: visible)
            }
        }
    }

    private func writeQueryGradients(
        _ piece: AttentionPiece, _ group: Int, _ scratch: AttentionScratch, into gradient: Matrix
    ) {
        let target = queries(gradient, group)
        for (index, token) in piece.tokens.enumerated() {
            for head in 0..<headsPerGroup {
                scratch.outputs.copy(
                    index * headsPerGroup + head, into: target.row(token) + head * headDimension, times: queryGradientScale)
            }
        }
    }

    // MARK: Gradients of keys and values

    /// Memory for the partial key gradients of `task`; `nil` if no other task sees its keys.
    private func partialSums(_ plan: AttentionPlan, _ task: AttentionPlan.Task, _ group: Int) -> KeyGradients? {
        task.partialRow.map { partialSums(plan, group, row: $0, rowCount: task.keyRowCount) }
    }

    private func partialSums(_ plan: AttentionPlan, _ group: Int, row: Int, rowCount: Int) -> KeyGradients {
        let offset = (group * plan.partialRowCount + row) * 2 * sizes.paddedDimension
        return KeyGradients(partials.floats + offset, rowCount: rowCount, columnCount: headDimension)
    }

    /// Sums the partial gradients of keys that several tasks of a unit see, in a fixed order.
    private func addPartials(_ plan: AttentionPlan, into gradient: Matrix) {
        workers.run(plan.keySums.count * groupCount) { number, _ in
            let (index, group) = number.quotientAndRemainder(dividingBy: groupCount)
            let tokens = plan.keySums[index].tokens
            for (number, part) in plan.keySums[index].parts.enumerated() {
                let sums = self.partialSums(plan, group, row: part.partialRow, rowCount: part.keyRowCount)
                if number == 0 {
                    self.writeKeyGradients(sums, from: part.row, tokens, group, into: gradient)
                } else {
                    self.addKeyGradients(sums, from: part.row, tokens, group, to: gradient)
                }
            }
        }
    }

    private func writeKeyGradients(
        _ sums: KeyGradients, from row: Int, _ tokens: Range<Int>, _ group: Int, into gradient: Matrix
    ) {
        let (keys, values) = (self.keys(gradient, group), self.values(gradient, group))
        for (index, token) in tokens.enumerated() {
            sums.keys.copy(row + index, into: keys.row(token), times: keyGradientScale)
            sums.values.copy(row + index, into: values.row(token), times: 1)
        }
    }

    private func addKeyGradients(
        _ sums: KeyGradients, from row: Int, _ tokens: Range<Int>, _ group: Int, to gradient: Matrix
    ) {
        let (keys, values) = (self.keys(gradient, group), self.values(gradient, group))
        for (index, token) in tokens.enumerated() {
            sums.keys.add(row + index, to: keys.row(token), times: keyGradientScale)
            sums.values.add(row + index, to: values.row(token), times: 1)
        }
    }
}

/// Σ a·b, eight lanes at a time: a fixed order.
@inline(__always)
private func dotProduct(_ a: UnsafeMutablePointer<Float>, _ b: UnsafeMutablePointer<Float>, count: Int) -> Float {
    var sums = Float8.zero
    var index = 0
    while index &+ 8 <= count {
        sums = sums.addingProduct(a.load8(index), b.load8(index))
        index &+= 8
    }
    var sum = sums.laneSum
    while index < count {
        sum.addProduct(a[index], b[index])
        index &+= 1
    }
    return sum
}
