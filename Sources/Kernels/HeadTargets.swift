/// Which tokens each hidden row predicts: targets in their own order, found by row.
public struct HeadTargets: Sendable {
    private let tokens: [Int32]
    private let order: [Int]
    private let starts: [Int]

    /// - Parameter rows: for each target its hidden row, below `rowCount`.
    public init(rows: [Int], tokens: [Int32], rowCount: Int) {
        precondition(rows.count == tokens.count)
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

    func indices(ofRow row: Int) -> ArraySlice<Int> { order[starts[row]..<starts[row + 1]] }
    func token(_ index: Int) -> Int { Int(tokens[index]) }
}
