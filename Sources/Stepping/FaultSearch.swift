import Datasets
import Model
import Objectives
import References
import Tensors

/// Looks for the first value that is not finite while a faulty step is computed once more. In each micro-batch it checks
/// the reference values, the policy's tensors, the losses and the gradients, in the order of their computation.
package final class FaultSearch {
    package struct Fault {
        /// Nil: the fault is in sums over micro-batches, not in one micro-batch.
        package let place: MicroBatchPlace?
        /// Records of the micro-batch with log-probabilities that are not finite. All its records if every log-probability
        /// is finite, for example if only a gradient is wrong.
        package fileprivate(set) var records: [Int]
        /// The micro-batch's tensors up to the faulty one, which is the last.
        package let summaries: [TensorSummary]
        /// `[rows, columns]` the part of the faulty tensor around its first wrong row. It begins at row `firstRow` of the
        /// tensor.
        package let rows: Matrix
        package let firstRow: Int
        /// Tokens and positions of the micro-batch's axis.
        package let tokens: [Int32]
        package let positions: [Int32]

        var summary: TensorSummary { summaries.last! }
    }

    package private(set) var fault: Fault?
    private var place: MicroBatchPlace?
    private var batch: PreparedMicroBatch?
    private var summaries: [TensorSummary] = []

    /// Rows kept before and after the first wrong one.
    private static let margin = 4
    /// Floats kept of a row.
    private static let columnLimit = 8192

    package init() {}

    /// The tensors observed from now on belong to this micro-batch.
    package func begin(_ batch: PreparedMicroBatch, at place: MicroBatchPlace) {
        guard fault == nil else {
            self.batch = nil
            return
        }
        (self.batch, self.place, summaries) = (batch, place, [])
    }

    /// The values observed from now on are sums over all micro-batches and data ranks.
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

    /// Observes values of the micro-batch's scored rows. They also tell which records are wrong.
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
