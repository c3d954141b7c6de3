import Datasets
import Model
import Objectives
import References
import Tensors

/// Looks for the first value that is not finite while a step that went wrong is computed once more: in each micro-batch
/// what references say, the policy's tensors, the losses, and the gradients, in the order in which they are made.
package final class FaultSearch {
    package struct Fault {
        /// Nil: no micro-batch's own, but what they add up to.
        package let place: MicroBatchPlace?
        /// Those of the micro-batch whose log-probabilities are not finite; all of them where no record's are, as where only
        /// a gradient is wrong.
        package fileprivate(set) var records: [Int]
        /// Of the micro-batch's tensors, those up to the one that went wrong, which is the last.
        package let summaries: [TensorSummary]
        /// `[rows, columns]` of the tensor that went wrong, from `firstRow` on: a part around the first such value.
        package let rows: Matrix
        package let firstRow: Int
        /// Of the micro-batch's axis.
        package let tokens: [Int32]
        package let positions: [Int32]

        var summary: TensorSummary { summaries.last! }
    }

    package private(set) var fault: Fault?
    private var place: MicroBatchPlace?
    private var batch: PreparedMicroBatch?
    private var summaries: [TensorSummary] = []

    /// Rows before and after the first wrong one that are kept.
    private static let margin = 4
    /// Floats of a row that are kept.
    private static let columnLimit = 8192

    package init() {}

    /// From now on tensors are those of this micro-batch.
    package func begin(_ batch: PreparedMicroBatch, at place: MicroBatchPlace) {
        guard fault == nil else {
            self.batch = nil
            return
        }
        (self.batch, self.place, summaries) = (batch, place, [])
    }

    /// From now on they are sums over all micro-batches and data ranks.
    package func beginSums() {
        guard fault == nil else {
            batch = nil
            return
        }
        (batch, place, summaries) = (nil, nil, [])
    }

    package func observe(_ name: String, _ matrix: Matrix) {
        guard fault == nil, matrix.elementCount > 0 else { return }
        note(TensorSummary(name, matrix), matrix)
    }

    package func observe(_ name: String, _ values: [Double]) {
        guard fault == nil, !values.isEmpty else { return }
        note(TensorSummary(name, values), Matrix(rowCount: values.count, columnCount: 1, values: values.map(Float.init)))
    }

    /// Of the micro-batch's scored rows: they also tell which of its records went wrong.
    package func observeLogProbabilities(_ name: String, _ values: [Double]) {
        observe(name, values)
        guard fault != nil, let batch, !values.isEmpty else { return }
        let wrong = batch.records.filter { !values[$0.rows].allSatisfy(\.isFinite) }.map(\.record)
        if !wrong.isEmpty { fault?.records = wrong }
    }

    package func observe(_ values: HookValues, ofReference name: String) {
        observeLogProbabilities("reference \(name)'s log-probabilities", values.logProbabilities)
        if let states = values.states { observe("reference \(name)'s hidden states", states.hidden) }
    }

    package func observe(_ objective: String, _ result: ObjectiveResult, termValues: [TermValues]) {
        for term in termValues { observe("\(objective) losses of rows", term.losses) }
        observe("\(objective) loss", [result.lossSum])
        observe("gradient of the \(objective) loss by log-probabilities", result.gradients.targets)
    }

    private func note(_ summary: TensorSummary, _ matrix: Matrix) {
        summaries.append(summary)
        guard let row = summary.firstRow else { return }
        let kept = max(0, row - FaultSearch.margin)..<min(matrix.rowCount, row + FaultSearch.margin + 1)
        let rows = Matrix(rowCount: kept.count, columnCount: min(matrix.columnCount, FaultSearch.columnLimit))
        rows.copy(from: matrix.rows(kept).columns(0..<rows.columnCount))
        fault = Fault(
            place: place, records: batch?.records.map(\.record) ?? [], summaries: summaries, rows: rows,
            firstRow: kept.lowerBound, tokens: batch?.plan.axis.tokens ?? [], positions: batch?.plan.axis.positions ?? [])
    }
}
