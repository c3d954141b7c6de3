import Tensors

/// A tile of logits: some rows, some columns of this rank's range, all models.
struct HeadTile {
    let rows: Range<Int>
    /// Counted from the range's first token.
    let columns: Range<Int>
    /// The token of the first column.
    let firstToken: Int
    /// `[rows, columns]`, capped.
    let policy: Matrix
    /// The cap of `policy`.
    let cap: LogitCap?
    /// For each reference `[rows, columns that the reference has]`, capped by the reference's own cap.
    let references: [Matrix]

    /// Calls `body` with one row of the tile as a loss sees it. If the tile holds no shared token, `body` is not called.
    ///
    /// - Parameter policyLogits: the row's logits, if `policy` no longer holds them.
    func withRow(
        _ row: Int, of entry: DistributionPlan.Entry, statistics: DistributionRow,
        policyLogits: UnsafeMutablePointer<Float>? = nil, _ body: (DistributionTile) -> Void
    ) {
        let (local, count) = (row - rows.lowerBound, entry.visibleCount(columns))
        guard count > 0 else { return }
        withUnsafeTemporaryAllocation(of: LogitRow.self, capacity: entry.references.count) { rows in
            for (position, index) in entry.references.enumerated() {
                rows.initializeElement(
                    at: position,
                    to: LogitRow(
                        references[index].row(local), count: count, maximum: statistics.references[position].maximum,
                        inverseTemperature: entry.inverseTemperature))
            }
            let policy = LogitRow(
                policyLogits ?? policy.row(local), count: count, maximum: statistics.policyMaximum,
                inverseTemperature: entry.inverseTemperature)
            body(DistributionTile(firstToken: firstToken, policy: policy, references: rows))
        }
    }

    /// Adds a row's logits to the sums of its distributions.
    func add(_ row: Int, of entry: DistributionPlan.Entry, to sums: DistributionAccumulator) {
        let local = row - rows.lowerBound
        sums.add(
            policy.row(local), reference: { references[entry.references[$0]].row(local) },
            count: entry.visibleCount(columns), firstToken: firstToken, toRow: row)
    }

    /// Adds a row's terms to the sums that the loss collects in a second pass.
    func accumulate(_ row: Int, of entry: DistributionPlan.Entry, statistics: DistributionRow, into sums: RowSums) {
        withRow(row, of: entry, statistics: statistics) { tile in
            var own = sums.row(row).mutableSpan
            entry.loss.accumulate(tile, row: statistics, into: &own)
        }
    }
}
