import Tensors

extension AttentionPlan {
    /// Keys `tokens`, which a task keeps packed from row `row` (a multiple of 16) on.
    struct KeySpan: Sendable {
        var tokens: Range<Int>
        var row: Int
    }

    /// Blocks that one thread computes, and the keys that they see.
    struct Task: Sendable {
        var blocks: [Block]
        /// The places of `prefix.lowerBound` and `own.lowerBound` of each block among the packed keys.
        var places: [(prefix: Int, own: Int)]
        var spans: [KeySpan]
        /// Rows that the packed keys take, with room for a register tile that runs over the end.
        var keyRowCount: Int
        /// Where its partial gradients of keys begin, in rows of the shared memory; `nil` if no other task sees its keys.
        var partialRow: Int?
        var pairCount: Int
    }

    /// The gradients of keys `tokens` are sums of what several tasks found.
    struct KeySum: Sendable {
        struct Part: Sendable {
            /// Keys that the task saw: a beginning of `tokens`.
            var count: Int
            /// The row of the first of them in the task's memory.
            var row: Int
            var keyRowCount: Int
            var partialRow: Int
        }
        var tokens: Range<Int>
        /// The first has all of `tokens`.
        var parts: [Part]
    }

    /// A unit of fewer visible pairs than this is one task; a longer one is cut into equal parts of about as many.
    static let pairsPerTask = 1 << 16
    /// Each task of a unit keeps gradients of the keys it sees, so this bounds their memory to a multiple of the context.
    static let maximumTasksPerUnit = 16
    /// A task begins at a multiple of these tokens, so that a segment's last rows alone fill a register tile partly.
    static let taskGranularity = 48
    /// Keys whose partial gradients one thread adds up.
    private static let keysPerSum = 256

    /// Cuts every unit by its own shape, so a unit's bits do not depend on its neighbours. Returns the rows of partial sums.
    static func cut(_ units: [[Block]], into tasks: inout [Task], keySums: inout [KeySum]) -> Int {
        var rowCount = 0
        for unit in units {
            var parts = parts(of: unit).map(makeTask)
            if parts.count > 1 {
                for index in parts.indices {
                    parts[index].partialRow = rowCount
                    rowCount += parts[index].keyRowCount
                }
                for block in unit { keySums += sums(of: block.own, parts) }
            }
            tasks += parts
        }
        return rowCount
    }

    /// Consecutive parts of a unit with about equally many visible pairs each.
    private static func parts(of unit: [Block]) -> [[Block]] {
        let total = unit.reduce(0) { $0 + $1.pairCount }
        let count = min(maximumTasksPerUnit, max(1, total / pairsPerTask))
        var parts: [[Block]] = [[]]
        var done = 0
        for block in unit {
            var start = block.queries.lowerBound
            for end in stride(from: start + taskGranularity, to: block.queries.upperBound, by: taskGranularity) {
                let soFar = done + block.cut(block.queries.lowerBound..<end).pairCount
                if soFar * count >= total * parts.count {
                    parts[parts.count - 1].append(block.cut(start..<end))
                    parts.append([])
                    start = end
                }
            }
            done += block.pairCount
            parts[parts.count - 1].append(block.cut(start..<block.queries.upperBound))
        }
        return parts
    }

    private static func makeTask(_ blocks: [Block]) -> Task {
        var spans: [KeySpan] = []
        var rowCount = 0
        /// The row of the first of `tokens`; a prompt's keys are packed once for all that see them.
        func place(_ tokens: Range<Int>) -> Int {
            guard !tokens.isEmpty else { return 0 }
            if let span = spans.first(where: { $0.tokens == tokens }) { return span.row }
            spans.append(KeySpan(tokens: tokens, row: rowCount))
            rowCount += (tokens.count + 15) / 16 * 16
            return spans.last!.row
        }
        let places = blocks.map { (prefix: place($0.prefix), own: place($0.own)) }
        return Task(
            blocks: blocks, places: places, spans: spans, keyRowCount: rowCount + 16, partialRow: nil,
            pairCount: blocks.reduce(0) { $0 + $1.pairCount })
    }

    /// How the gradients of a segment's keys are put together from its unit's tasks.
    private static func sums(of segment: Range<Int>, _ tasks: [Task]) -> [KeySum] {
        stride(from: segment.lowerBound, to: segment.upperBound, by: keysPerSum).map { start in
            let tokens = start..<min(start + keysPerSum, segment.upperBound)
            // Later tasks see more of a segment, and the last one all of it.
            let parts = tasks.reversed().compactMap { task -> KeySum.Part? in
                guard let span = task.spans.first(where: { $0.tokens.lowerBound == segment.lowerBound }),
                    span.tokens.upperBound > start
                else { return nil }
                return KeySum.Part(
                    count: min(span.tokens.upperBound, tokens.upperBound) - start,
                    row: span.row + start - segment.lowerBound, keyRowCount: task.keyRowCount,
                    partialRow: task.partialRow!)
            }
            return KeySum(tokens: tokens, parts: parts)
        }
    }
}

extension AttentionPlan.Block {
    /// The same for some of the queries.
    func cut(_ queries: Range<Int>) -> AttentionPlan.Block {
        AttentionPlan.Block(
            queries: queries, prefix: prefix, own: own.lowerBound..<(own.upperBound - self.queries.upperBound + queries.upperBound))
    }
}
