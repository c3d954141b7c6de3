import Tensors

/// One thread's memory for a tile of logits of each model, and for one row of the policy's logits.
final class HeadScratch: @unchecked Sendable {
    let policy = ScratchMatrix()
    private let row = ScratchMatrix()
    private var references: [ScratchMatrix] = []
    private let widened = ScratchMatrix()

    func reserve(referenceCount: Int) {
        while references.count < referenceCount { references.append(ScratchMatrix()) }
    }

    /// Each reference's logits of the hidden rows `rows` over the vocabulary rows of `layers`: one matrix per reference.
    func logits(of heads: [ReferenceHead], layers: [LogitLayer], rows: Range<Int>) -> [Matrix] {
        heads.indices.map { index in
            let logits = references[index].matrix(rowCount: rows.count, columnCount: layers[index].weight.rowCount)
            layers[index].forward(heads[index].hidden.rows(rows), into: logits)
            return logits
        }
    }

    /// Writes the logits of all hidden rows of each reference into `logits`, over those vocabulary rows of `columns` that the
    /// reference has. This thread upcasts weights that are not floats.
    func multiply(_ heads: [ReferenceHead], columns: Range<Int>, into logits: [Matrix]) {
        for (head, logits) in zip(heads, logits) where logits.columnCount > 0 {
            head.layer(columns) { $0.floats(using: widened) }.forward(head.hidden, into: logits)
        }
    }

    /// A copy of `values`, because the row itself turns into its gradient.
    func copy(_ values: UnsafeMutablePointer<Float>, count: Int) -> UnsafeMutablePointer<Float> {
        let copy = row.matrix(rowCount: 1, columnCount: count).row(0)
        copy.update(from: values, count: count)
        return copy
    }
}
