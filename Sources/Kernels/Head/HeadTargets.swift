import Settings

/// Which tokens each hidden row predicts. Targets keep the order given, and can be found by row.
public struct HeadTargets: Sendable {
    /// `[R]` each target's row.
    public let rows: [Int]
    private let tokens: [Int32]
    private let order: [Int]
    private let starts: [Int]

    /// - Parameter rows: for each target its hidden row, below `rowCount`.
    public init(rows: [Int], tokens: [Int32], rowCount: Int) {
        invariant(rows.count == tokens.count, "each target has its row")
        self.rows = rows
        self.tokens = tokens
        var counts = [Int](repeating: 0, count: rowCount + 1)
        for row in rows { counts[row + 1] += 1 }
        for row in 0..<rowCount { counts[row + 1] += counts[row] }
        starts = counts
        var next = counts
        var order = [Int](repeating: 0, count: rows.count)
        for (target, row) in rows.enumerated() {
            order[next[row]] = target
            next[row] += 1
        }
        self.order = order
    }

    public var count: Int { tokens.count }

    /// The targets of `rows`, with rows counted from `rows.lowerBound`, and the index of each target in `self`.
    public func part(_ rows: Range<Int>) -> (targets: HeadTargets, indices: [Int]) {
        let indices = Array(order[starts[rows.lowerBound]..<starts[rows.upperBound]])
        let targets = HeadTargets(
            rows: indices.map { self.rows[$0] - rows.lowerBound }, tokens: indices.map { tokens[$0] }, rowCount: rows.count)
        return (targets, indices)
    }

    func indices(ofRow row: Int) -> ArraySlice<Int> { order[starts[row]..<starts[row + 1]] }
    func token(_ index: Int) -> Int { Int(tokens[index]) }
}
