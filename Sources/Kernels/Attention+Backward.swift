import Tensors

// T tokens, G key/value heads on this rank, J query heads a group, E head dimension, R stacked rows of a piece of queries.

extension Attention {
    /// Gradients of the projections: `gradient[T, (G·J + 2·G)·E]`, written whole. Scores are computed again from `logSumExp`.
    public func backward(
        _ outputGradient: Matrix, projections: Matrix, output: Matrix, logSumExp: Matrix, plan: AttentionPlan,
        into gradient: Matrix
    ) {
        // Tasks write the rows of all tokens of the plan.
        if plan.queryCount < gradient.rowCount { gradient.fill(0) }
        runTasks(plan, backward: true) { task, group, scratch in
            let keysAcross = TransposedPanels(
                pointer: scratch.keys(0, rowCount: task.keyRowCount), columnCount: self.headDimension)
            let valuesAcross = TransposedPanels(
                pointer: scratch.keys(1, rowCount: task.keyRowCount), columnCount: self.headDimension)
            let keys = self.panels(scratch.keys(2, rowCount: task.keyRowCount), task)
            for span in task.spans {
                keysAcross.set(from: span.row, to: self.keys(projections, group).rows(span.tokens))
                valuesAcross.set(from: span.row, to: self.values(projections, group).rows(span.tokens))
                self.pack(self.keys(projections, group), span, into: keys)
            }
            let sums = self.keyGradients(plan, task, group) ?? KeyGradients(
                scratch.keyGradients, rowCount: task.keyRowCount, columnCount: self.headDimension)
            sums.keys.fill(0)
            sums.values.fill(0)
            self.forEachPiece(task) { piece, block, place in
                self.packForBackward(
                    piece, group, outputGradient: outputGradient, projections: projections, output: output,
                    logSumExp: logSumExp, scratch)
                scratch.outputs.fill(0)
                self.forEachTile(piece, block, place) { tile in
                    tile.countVisible(into: scratch.visible)
                    tile.multiply(scratch.queries, byTransposed: keysAcross, into: scratch.scores)
                    tile.multiply(scratch.outputGradients, byTransposed: valuesAcross, into: scratch.scoreGradients)
                    self.differentiate(piece, scratch)
                    tile.addTransposed(scratch.scores, times: scratch.outputGradients, to: sums.values)
                    tile.addTransposed(scratch.scoreGradients, times: scratch.queries, to: sums.keys)
                    tile.add(scratch.scoreGradients, times: keys, to: scratch.outputs, visible: scratch.visible)
                }
                self.writeQueryGradients(piece, group, scratch, into: gradient)
            }
            if task.partialRow == nil {
                for span in task.spans {
                    self.writeKeyGradients(span.tokens, group, [(sums, span.row, span.tokens.count)], into: gradient)
                }
            }
        }
        addPartials(plan, into: gradient)
    }

    /// Queries, output gradients, log-sum-exp and the corrections Σ o·∂o of a piece.
    private func packForBackward(
        _ piece: AttentionPiece, _ group: Int, outputGradient: Matrix, projections: Matrix, output: Matrix,
        logSumExp: Matrix, _ scratch: AttentionScratch
    ) {
        packRows(queries(projections, group), piece, times: queryScale, into: scratch.queries)
        packRows(queries(outputGradient, group), piece, times: 1, into: scratch.outputGradients)
        let (outputs, gradients) = (queries(output, group), queries(outputGradient, group))
        for (index, token) in piece.tokens.enumerated() {
            for head in 0..<headsPerGroup {
                let row = index * headsPerGroup + head
                let column = head * headDimension
                scratch.sums[row] = dotProduct(
                    outputs.row(token) + column, gradients.row(token) + column, count: headDimension)
                scratch.maxima[row] = logSumExp.row(token)[group * headsPerGroup + head] * Float(1 / Softmax.logOfTwo)
            }
        }
    }

    /// Scores of a tile become weights, gradients of weights become gradients of scores.
    private func differentiate(_ piece: AttentionPiece, _ scratch: AttentionScratch) {
        for row in 0..<piece.rowCount {
            let start = row &* AttentionSizes.scoreStride
            Softmax.backward(
                scores: scratch.scores + start, gradients: scratch.scoreGradients + start, correction: scratch.sums[row],
                logSumExp: scratch.maxima[row], visible: Int(scratch.visible[row]))
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

    /// Where `task` adds up gradients of keys that other tasks see too.
    private func keyGradients(_ plan: AttentionPlan, _ task: AttentionPlan.Task, _ group: Int) -> KeyGradients? {
        task.partialRow.map { keyGradients(plan, group, row: $0, rowCount: task.keyRowCount) }
    }

    private func keyGradients(_ plan: AttentionPlan, _ group: Int, row: Int, rowCount: Int) -> KeyGradients {
        let offset = (group * plan.partialRowCount + row) * 2 * sizes.paddedDimension
        return KeyGradients(
            partials.base.assumingMemoryBound(to: Float.self) + offset, rowCount: rowCount, columnCount: headDimension)
    }

    /// Adds up, in a fixed order, what the tasks of a unit found for the same keys.
    private func addPartials(_ plan: AttentionPlan, into gradient: Matrix) {
        workers.run(plan.keySums.count * groupCount) { number, _ in
            let (index, group) = number.quotientAndRemainder(dividingBy: groupCount)
            let sum = plan.keySums[index]
            let parts = sum.parts.map {
                (self.keyGradients(plan, group, row: $0.partialRow, rowCount: $0.keyRowCount), $0.row, $0.count)
            }
            self.writeKeyGradients(sum.tokens, group, parts, into: gradient)
        }
    }

    /// The first part has all of `tokens`, others a beginning of them.
    private func writeKeyGradients(
        _ tokens: Range<Int>, _ group: Int, _ parts: [(sums: KeyGradients, row: Int, count: Int)], into gradient: Matrix
    ) {
        let (keys, values) = (self.keys(gradient, group), self.values(gradient, group))
        for (number, part) in parts.enumerated() {
            for index in 0..<part.count {
                let (key, value) = (keys.row(tokens.lowerBound + index), values.row(tokens.lowerBound + index))
                if number == 0 {
                    part.sums.keys.copy(part.row + index, into: key, times: keyGradientScale)
                    part.sums.values.copy(part.row + index, into: value, times: 1)
                } else {
                    part.sums.keys.add(part.row + index, to: key, times: keyGradientScale)
                    part.sums.values.add(part.row + index, to: value, times: 1)
                }
            }
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
