// U hidden rows that are scored, D model width, V' rows of the vocabulary on this rank.

extension Head {
    /// Floats that the head holds while it goes forward and backward over `rowCount` scored rows.
    ///
    /// - Parameters:
    ///   - columnCount: V'.
    ///   - width: D.
    ///   - modelCount: models whose logits are computed side by side: the policy, and each teacher.
    ///   - keepsLogits: forward and backward run at once over panels; otherwise a tile of gradients is shared, and each
    ///     thread has a tile of logits for each model.
    public static func scratchFloatCount(
        rowCount: Int, columnCount: Int, width: Int, modelCount: Int, threadCount: Int, keepsLogits: Bool
    ) -> Int {
        guard keepsLogits else {
            let gradients = min(rowCount, panelLimit) * vocabularyLimit
            return gradients + modelCount * threadCount * min(rowCount, rowLimit) * vocabularyLimit
        }
        let rows = panels(rowCount: rowCount, columnCount: columnCount).map(\.count).max() ?? 0
        return panelFloatCount(rowCount: rows, columnCount: columnCount, width: width, modelCount: modelCount)
    }

    /// Floats of the largest piece of a weight `[V, D]` that is upcast to float32 at once.
    public static func upcastFloatCount(width: Int) -> Int { vocabularyLimit * width }
}
