import Foundation
import Tensors

// T tokens, G key/value heads on this rank, J query heads a group, E head dimension, L keys that a block sees.
// A row of `projections[T, (G·J + 2·G)·E]` is: all query heads, all key heads, all value heads.

/// Grouped-query attention (Ainslie et al., arXiv:2305.13245) over the segments of a flat token axis.
///
/// A task is one unit of the plan and one key/value head; the J query heads of its group are stacked to one product.
/// A block's scores are held whole (J·64 × L), so the softmax is exact without rescaling; only its log-sum-exp is kept.
public final class Attention: @unchecked Sendable {
    private let groupCount: Int
    private let headsPerGroup: Int
    private let headDimension: Int
    private let workers: Workers
    private let scale: Float
    private var scratch: [BlockScratch]

    public init(groupCount: Int, headsPerGroup: Int, headDimension: Int, workers: Workers) {
        self.groupCount = groupCount
        self.headsPerGroup = headsPerGroup
        self.headDimension = headDimension
        self.workers = workers
        scale = Float(1 / Double(headDimension).squareRoot())
        scratch = (0..<workers.threadCount).map { _ in BlockScratch() }
    }

    public var projectionWidth: Int { (headsPerGroup + 2) * groupCount * headDimension }
    public var outputWidth: Int { headsPerGroup * groupCount * headDimension }
    private var headCount: Int { headsPerGroup * groupCount }

    /// `output[T, G·J·E] = softmax(scale · Q·Kᵀ, over visible keys) · V`; `logSumExp[T, G·J]` of the scaled scores is kept for backward.
    ///
    /// - Parameter firstQuery: the token of the first row of `output` and `logSumExp`: in decoding only the newest have rows.
    public func forward(
        _ projections: Matrix, plan: AttentionPlan, into output: Matrix, logSumExp: Matrix, firstQuery: Int = 0
    ) {
        runTasks(plan) { group, unit, scratch in
            let (keys, values) = (self.keys(projections, group), self.values(projections, group))
            for block in unit {
                let rowCount = block.queries.count * self.headsPerGroup
                let queries = scratch.queries.rows(0..<rowCount)
                self.gather(self.queries(projections, group), block.queries, into: queries)
                let scores = scratch.scores(rowCount: rowCount, keyCount: block.keyCount)
                self.multiplyByKeys(queries, keys, block, into: scores, alpha: self.scale)
                for row in 0..<rowCount {
                    let (index, head) = row.quotientAndRemainder(dividingBy: self.headsPerGroup)
                    let visible = block.visibleKeyCount(query: index)
                    logSumExp.row(block.queries.lowerBound - firstQuery + index)[group * self.headsPerGroup + head] =
                        Softmax.forward(scores.row(row), visible: visible, width: block.keyCount)
                }
                let result = scratch.outputs.rows(0..<rowCount)
                self.multiplyByVisible(scores, values, block, into: result)
                let rows = (block.queries.lowerBound - firstQuery)..<(block.queries.upperBound - firstQuery)
                self.scatter(result, into: self.queries(output, group), rows)
            }
        }
    }

    /// Gradients of the projections: `gradient[T, (G·J + 2·G)·E]`, written whole. Scores are computed again from `logSumExp`.
    public func backward(
        _ outputGradient: Matrix, projections: Matrix, output: Matrix, logSumExp: Matrix, plan: AttentionPlan,
        into gradient: Matrix
    ) {
        gradient.fill(0)
        runTasks(plan) { group, unit, scratch in
            for block in unit {
                self.backwardBlock(
                    block, group: group, outputGradient: outputGradient, projections: projections, output: output,
                    logSumExp: logSumExp, gradient: gradient, scratch: scratch)
            }
        }
    }

    private func backwardBlock(
        _ block: AttentionPlan.Block, group: Int, outputGradient: Matrix, projections: Matrix, output: Matrix,
        logSumExp: Matrix, gradient: Matrix, scratch: BlockScratch
    ) {
        let rowCount = block.queries.count * headsPerGroup
        let queries = scratch.queries.rows(0..<rowCount)
        let outputs = scratch.outputs.rows(0..<rowCount)
        let gradients = scratch.gradients.rows(0..<rowCount)
        gather(self.queries(projections, group), block.queries, into: queries)
        gather(self.queries(output, group), block.queries, into: outputs)
        gather(self.queries(outputGradient, group), block.queries, into: gradients)

        let weights = scratch.scores(rowCount: rowCount, keyCount: block.keyCount)
        multiplyByKeys(queries, keys(projections, group), block, into: weights, alpha: scale)
        let scoreGradients = scratch.scoreGradients(rowCount: rowCount, keyCount: block.keyCount)
        multiplyByKeys(gradients, values(projections, group), block, into: scoreGradients, alpha: 1)
        for row in 0..<rowCount {
            let (index, head) = row.quotientAndRemainder(dividingBy: headsPerGroup)
            var correction: Float = 0
            for column in 0..<headDimension { correction += outputs.row(row)[column] * gradients.row(row)[column] }
            Softmax.backward(
                scores: weights.row(row), gradients: scoreGradients.row(row), correction: correction,
                logSumExp: logSumExp.row(block.queries.lowerBound + index)[group * headsPerGroup + head],
                visible: block.visibleKeyCount(query: index), width: block.keyCount)
        }
        accumulate(weights, gradients, block, into: values(gradient, group), alpha: 1)
        accumulate(scoreGradients, queries, block, into: keys(gradient, group), alpha: scale)
        multiplyByVisible(scoreGradients, keys(projections, group), block, into: outputs, alpha: scale)
        scatter(outputs, into: self.queries(gradient, group), block.queries)
    }

    // MARK: Pieces of a block

    private func runTasks(
        _ plan: AttentionPlan, _ body: (_ group: Int, _ unit: [AttentionPlan.Block], _ scratch: BlockScratch) -> Void
    ) {
        let rowLimit = AttentionPlan.blockSize * headsPerGroup
        for scratch in scratch {
            scratch.reserve(rowCount: rowLimit, keyCount: plan.maximumKeyCount, headDimension: headDimension)
        }
        // The heaviest tasks first would balance better; units come in the order of the axis, which keeps keys in cache.
        workers.run(plan.units.count * groupCount) { task, thread in
            let (unit, group) = task.quotientAndRemainder(dividingBy: groupCount)
            body(group, plan.units[unit], scratch[thread])
        }
    }

    /// `scores[rows, L] = alpha · rows[rows, E] · keys[L, E]ᵀ`
    private func multiplyByKeys(
        _ rows: Matrix, _ keys: Matrix, _ block: AttentionPlan.Block, into scores: Matrix, alpha: Float
    ) {
        let split = block.prefix.count
        if split > 0 {
            MatrixProduct.multiply(
                rows, keys.rows(block.prefix), transposeSecond: true, into: scores.columns(0..<split), alpha: alpha)
        }
        MatrixProduct.multiply(
            rows, keys.rows(block.own), transposeSecond: true, into: scores.columns(split..<block.keyCount), alpha: alpha)
    }

    /// `result[rows, E] = alpha · weights[rows, L] · values[L, E]`
    private func multiplyByVisible(
        _ weights: Matrix, _ values: Matrix, _ block: AttentionPlan.Block, into result: Matrix, alpha: Float = 1
    ) {
        let split = block.prefix.count
        MatrixProduct.multiply(
            weights.columns(split..<block.keyCount), values.rows(block.own), into: result, alpha: alpha)
        if split > 0 {
            MatrixProduct.multiply(
                weights.columns(0..<split), values.rows(block.prefix), into: result, alpha: alpha, beta: 1)
        }
    }

    /// `target[L, E] += alpha · weights[rows, L]ᵀ · rows[rows, E]`
    private func accumulate(
        _ weights: Matrix, _ rows: Matrix, _ block: AttentionPlan.Block, into target: Matrix, alpha: Float
    ) {
        let split = block.prefix.count
        if split > 0 {
            MatrixProduct.multiply(
                weights.columns(0..<split), rows, transposeFirst: true, into: target.rows(block.prefix), alpha: alpha, beta: 1)
        }
        MatrixProduct.multiply(
            weights.columns(split..<block.keyCount), rows, transposeFirst: true, into: target.rows(block.own),
            alpha: alpha, beta: 1)
    }

    // MARK: Views of one group

    /// The group's query heads, `[T, J·E]`; outputs have the same place.
    private func queries(_ matrix: Matrix, _ group: Int) -> Matrix {
        let width = headsPerGroup * headDimension
        return matrix.columns((group * width)..<((group + 1) * width))
    }

    /// `[T, E]`
    private func keys(_ matrix: Matrix, _ group: Int) -> Matrix {
        let start = (headCount + group) * headDimension
        return matrix.columns(start..<(start + headDimension))
    }

    /// `[T, E]`
    private func values(_ matrix: Matrix, _ group: Int) -> Matrix {
        let start = (headCount + groupCount + group) * headDimension
        return matrix.columns(start..<(start + headDimension))
    }

    /// Tokens of `source[T, J·E]` to stacked rows `[tokens·J, E]`: row `token·J + head`.
    private func gather(_ source: Matrix, _ tokens: Range<Int>, into rows: Matrix) {
        for (index, token) in tokens.enumerated() {
            rows.row(index * headsPerGroup).update(from: source.row(token), count: headsPerGroup * headDimension)
        }
    }

    private func scatter(_ rows: Matrix, into target: Matrix, _ tokens: Range<Int>) {
        for (index, token) in tokens.enumerated() {
            target.row(token).update(from: rows.row(index * headsPerGroup), count: headsPerGroup * headDimension)
        }
    }
}

/// One thread's memory for a block.
private final class BlockScratch: @unchecked Sendable {
    private let scoreStorage = ScratchMatrix()
    private let scoreGradientStorage = ScratchMatrix()
    private(set) var queries = Matrix(rowCount: 0, columnCount: 0)
    private(set) var outputs = Matrix(rowCount: 0, columnCount: 0)
    private(set) var gradients = Matrix(rowCount: 0, columnCount: 0)

    func reserve(rowCount: Int, keyCount: Int, headDimension: Int) {
        _ = scoreStorage.matrix(rowCount: rowCount, columnCount: keyCount)
        if queries.rowCount < rowCount {
            queries = Matrix(rowCount: rowCount, columnCount: headDimension)
            outputs = Matrix(rowCount: rowCount, columnCount: headDimension)
            gradients = Matrix(rowCount: rowCount, columnCount: headDimension)
        }
    }

    func scores(rowCount: Int, keyCount: Int) -> Matrix {
        scoreStorage.matrix(rowCount: rowCount, columnCount: keyCount)
    }

    func scoreGradients(rowCount: Int, keyCount: Int) -> Matrix {
        scoreGradientStorage.matrix(rowCount: rowCount, columnCount: keyCount)
    }
}

/// Softmax of one row of attention scores, and its backward.
enum Softmax {
    /// Turns `scores[0..<visible]` into weights that sum to 1, the rest up to `width` into zeros. Returns the log-sum-exp.
    static func forward(_ scores: UnsafeMutablePointer<Float>, visible: Int, width: Int) -> Float {
        let maximum = Softmax.maximum(scores, count: visible)
        var sums = Float8.zero
        var index = 0
        while index + 8 <= visible {
            let value = exponential(scores.load8(index) - maximum)
            sums += value
            scores.store8(value, index)
            index += 8
        }
        if index < visible {
            let value = exponential(scores.loadPartial(index, count: visible - index, fill: maximum) - maximum)
            scores.storePartial(value, index, count: visible - index)
            for lane in 0..<(visible - index) { sums[lane] += value[lane] }
        }
        let total = sums.laneSum
        let inverse = 1 / total
        index = 0
        while index + 8 <= visible {
            scores.store8(scores.load8(index) * inverse, index)
            index += 8
        }
        while index < visible {
            scores[index] *= inverse
            index += 1
        }
        for hidden in visible..<max(visible, width) { scores[hidden] = 0 }
        return maximum + log(total)
    }

    /// Scores become weights p = exp(score − logSumExp), gradients become p · (gradient − correction); both zero past `visible`.
    static func backward(
        scores: UnsafeMutablePointer<Float>, gradients: UnsafeMutablePointer<Float>, correction: Float, logSumExp: Float,
        visible: Int, width: Int
    ) {
        var index = 0
        while index + 8 <= visible {
            let weight = exponential(scores.load8(index) - logSumExp)
            scores.store8(weight, index)
            gradients.store8(weight * (gradients.load8(index) - correction), index)
            index += 8
        }
        if index < visible {
            let count = visible - index
            let weight = exponential(scores.loadPartial(index, count: count, fill: 0) - logSumExp)
            let gradient = gradients.loadPartial(index, count: count, fill: 0)
            scores.storePartial(weight, index, count: count)
            gradients.storePartial(weight * (gradient - correction), index, count: count)
        }
        for hidden in visible..<max(visible, width) {
            scores[hidden] = 0
            gradients[hidden] = 0
        }
    }

    static func maximum(_ values: UnsafeMutablePointer<Float>, count: Int) -> Float {
        var best = Float8(repeating: -.infinity)
        var index = 0
        while index + 8 <= count {
            let value = values.load8(index)
            best.replace(with: value, where: value .> best)
            index += 8
        }
        var maximum = best.laneMaximum
        while index < count {
            if values[index] > maximum { maximum = values[index] }
            index += 1
        }
        return maximum
    }
}
