import Tensors

/// One thread's memory for a tile of logits of each model, and for a row of the policy's.
final class HeadScratch: @unchecked Sendable {
    let policy = ScratchMatrix()
    private let row = ScratchMatrix()
    private var references: [ScratchMatrix] = []
    private let widened = ScratchMatrix()

    func reserve(referenceCount: Int) {
        while references.count < referenceCount { references.append(ScratchMatrix()) }
    }

    /// The logits of `rows` of each reference over the vocabulary rows `weights`, one matrix a reference.
    func logits(of heads: [ReferenceHead], weights: [Matrix], rows: Range<Int>) -> [Matrix] {
        heads.indices.map { index in
            let logits = references[index].matrix(rowCount: rows.count, columnCount: weights[index].rowCount)
            MatrixProduct.multiply(heads[index].hidden.rows(rows), weights[index], transposeSecond: true, into: logits)
            return logits
        }
    }

    /// Each reference's logits of all its rows over the vocabulary rows `columns`, as far as it has them, into `logits`; a
    /// weight of another type is widened by this thread.
    func multiply(_ heads: [ReferenceHead], columns: Range<Int>, into logits: [Matrix]) {
        for (head, logits) in zip(heads, logits) where logits.columnCount > 0 {
            let weight = head.weight.rows(columns.clamped(to: 0..<head.weight.rowCount)).floats(using: widened)
            MatrixProduct.multiply(head.hidden, weight, transposeSecond: true, into: logits)
        }
    }

    /// `values` kept, as the row itself turns into its gradient.
    func copy(_ values: UnsafeMutablePointer<Float>, count: Int) -> UnsafeMutablePointer<Float> {
        let copy = row.matrix(rowCount: 1, columnCount: count).row(0)
        copy.update(from: values, count: count)
        return copy
    }
}
