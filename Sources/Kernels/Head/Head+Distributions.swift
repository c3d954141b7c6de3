import Settings
import Tensors

// U scored hidden rows, D model width, V' vocabulary rows on this rank.

extension Head {
    /// As `forward`, but also computes the logits of frozen models and the sums of each request's distributions.
    ///
    /// Each tile of a model's logits is computed once, however many requests read it.
    public func forward(
        _ hidden: Matrix, weight: WeightView, bias: Matrix? = nil, range: Range<Int>, targets: HeadTargets,
        references: [ReferenceHead], requests: [DistributionRequest]
    ) -> (statistics: PartialRowStatistics, distributions: [PartialDistributionStatistics]) {
        var statistics = PartialRowStatistics(rowCount: hidden.rowCount, targetCount: targets.count)
        let plan = DistributionPlan(requests, among: references, range: range, rowCount: hidden.rowCount)
        let distributions = plan.entries.map { DistributionAccumulator($0, rowCount: hidden.rowCount) }
        statistics.withUnsafeAccess { access in
            forEachTile(hidden, weight: weight, bias: bias, range: range, plan: plan) { tile in
                for row in tile.rows {
                    tile.add(row, targets: targets, to: access)
                    for (entry, sums) in zip(plan.entries, distributions) { tile.add(row, of: entry, to: sums) }
                }
            }
        }
        return (statistics, distributions.map(\.statistics))
    }

    /// The sums that losses collect in a second pass over this rank's range: for each request `[U, sumCount]`, row by row.
    /// They still need an all-reduce over the tensor ranks.
    ///
    /// A request with `sumCount` 0 gets an empty array. If `sumCount` is 0 for all requests, nothing is computed.
    ///
    /// - Parameter rows: for each request `[U]`, from `PartialDistributionStatistics.combined`.
    public func accumulate(
        _ hidden: Matrix, weight: WeightView, bias: Matrix? = nil, range: Range<Int>, references: [ReferenceHead],
        requests: [DistributionRequest], rows: [[DistributionRow]]
    ) -> [[Double]] {
        invariant(rows.count == requests.count && rows.allSatisfy { $0.count == hidden.rowCount }, "each distribution has one row per hidden row")
        let wanted = requests.indices.filter { requests[$0].loss.sumCount > 0 }
        var result = requests.map { _ in [Double]() }
        guard !wanted.isEmpty else { return result }
        let plan = DistributionPlan(
            wanted.map { requests[$0] }, among: references, range: range, rowCount: hidden.rowCount)
        let sums = plan.entries.map { RowSums(rowCount: hidden.rowCount, sumCount: $0.loss.sumCount) }
        forEachTile(hidden, weight: weight, bias: bias, range: range, plan: plan) { tile in
            for row in tile.rows {
                for (position, entry) in plan.entries.enumerated() {
                    tile.accumulate(row, of: entry, statistics: rows[wanted[position]][row], into: sums[position])
                }
            }
        }
        for (position, index) in wanted.enumerated() { result[index] = sums[position].values }
        return result
    }
}

extension [DistributionRow] {
    /// Gives each row its part of `flat`: the `[U, sumCount]` of `accumulate` after the all-reduce.
    public mutating func setSums(_ flat: [Double], sumCount: Int) {
        invariant(flat.count == count * sumCount, "each row has its sums")
        for row in indices { self[row].sums = [Double](flat[(row * sumCount)..<((row + 1) * sumCount)]) }
    }
}
