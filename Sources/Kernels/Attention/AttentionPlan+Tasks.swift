import Tensors

extension AttentionPlan {
    /// Keys `tokens`, packed from row `row` (a multiple of 16) on.
    struct KeySpan: Sendable {
        var tokens: Range<Int>
        var row: Int
    }

    /// The row of a range's first key: among all packed keys, and among the key gradients of a task.
    struct KeyPlace: Sendable {
        var packedRow: Int
        var gradientRow: Int
    }

    /// Blocks that one thread computes, and the keys that they see.
    struct Task: Sendable {
        var blocks: [Block]
        /// For each block the places of its prefix and of its own keys.
        var places: [Attention.BlockPlace]
        /// The rows of the gradients of all keys that the task sees.
        var spans: [KeySpan]
        /// Number of rows of these gradients, with room for a register tile that extends past the end.
        var keyRowCount: Int
        /// First row of the task's partial key gradients in the shared memory; `nil` if no other task sees its keys.
        var partialRow: Int?
        var pairCount: Int
    }

    /// The gradients of the keys `tokens` are the sum of several tasks' parts.
    struct KeySum: Sendable {
        struct Part: Sendable {
            /// Number of keys that the task saw, from the start of `tokens` on.
            var count: Int
            /// The row of the first key in the task's memory.
            var row: Int
            var keyRowCount: Int
            var partialRow: Int
        }
        /// Keys that a query sees.
        var tokens: Range<Int>
        /// The first part covers all of `tokens`.
        var parts: [Part]
    }

    /// Visible pairs per task, at least about this many: a unit is cut into nearly equal parts. A unit with less than twice
    /// this number is one task.
    static let pairsPerTask = 1 << 16
    /// Each task of a unit keeps gradients of the keys it sees. This limit bounds their memory to a multiple of the context.
    static let maximumTasksPerUnit = 16
    /// A task begins at a multiple of this number of tokens, so that only a segment's last register tile is incomplete.
    static let taskGranularity = 48
    /// Keys whose partial gradients one thread sums.
    private static let keysPerSum = 256
    /// Keys that one thread packs, a multiple of 16. Decoding a short answer wakes no other thread for packing.
    private static let keysPerPack = 256

    /// Gives every key one row, unit after unit and segment after segment. Each segment begins at a multiple of 16.
    static func pack(_ units: [Unit]) -> [KeySpan] {
        var spans: [KeySpan] = []
        var row = 0
        for segment in units.flatMap(\.segments) {
            for start in stride(from: segment.lowerBound, to: segment.upperBound, by: keysPerPack) {
                let tokens = start..<min(start + keysPerPack, segment.upperBound)
                spans.append(KeySpan(tokens: tokens, row: row))
                row += (tokens.count + 15) / 16 * 16
            }
        }
        return spans
    }

    /// Cuts every unit by its own shape, so that its bits do not depend on other units. Returns the number of partial rows.
    static func cut(_ units: [Unit], packed: [KeySpan], into tasks: inout [Task], keySums: inout [KeySum]) -> Int {
        let rows = Dictionary(uniqueKeysWithValues: packed.map { ($0.tokens.lowerBound, $0.row) })
        var rowCount = 0
        for unit in units {
            var parts = parts(of: unit.blocks).map { makeTask($0, packedRows: rows) }
            if parts.count > 1 {
                for index in parts.indices {
                    parts[index].partialRow = rowCount
                    rowCount += parts[index].keyRowCount
                }
                for segment in unit.segments { keySums += sums(of: segment, parts) }
            }
            tasks += parts
        }
        return rowCount
    }

    private static func taskCount(visiblePairs: Int) -> Int { min(maximumTasksPerUnit, max(1, visiblePairs / pairsPerTask)) }

    /// Rows of gradients of keys, and as many of values, that the tasks of a segment hold until they are summed: none where
    /// one task computes the segment. The i-th of k tasks sees i/k of the segment's keys, and the whole prefix.
    public static func partialRowCount(queries: Int, prefix: Int, visiblePairs: Int) -> Int {
        let tasks = taskCount(visiblePairs: visiblePairs)
        return tasks < 2 ? 0 : queries * (tasks + 1) / 2 + tasks * prefix
    }

    /// Forms in which backward packs keys and values: transposed keys, transposed values, and rows of keys.
    public static let packedForms = 3

    /// Cuts a unit's blocks into consecutive parts with about the same number of visible pairs.
    private static func parts(of blocks: [Block]) -> [[Block]] {
        let total = blocks.reduce(0) { $0 + $1.pairCount }
        let count = taskCount(visiblePairs: total)
        var parts: [[Block]] = [[]]
        var done = 0
        for block in blocks {
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

    private static func makeTask(_ blocks: [Block], packedRows: [Int: Int]) -> Task {
        // Blocks that see the same keys share their place: completions share their prompt's keys, stretches their segment's
        // keys.
        var ends: [Int: Int] = [:]
        for tokens in blocks.flatMap({ [$0.prefix, $0.own] }) where !tokens.isEmpty {
            ends[tokens.lowerBound] = max(ends[tokens.lowerBound] ?? 0, tokens.upperBound)
        }
        var rowCount = 0
        let spans = ends.sorted { $0.key < $1.key }.map { start, end in
            defer { rowCount += (end - start + 15) / 16 * 16 }
            return KeySpan(tokens: start..<end, row: rowCount)
        }
        let gradientRows = Dictionary(uniqueKeysWithValues: spans.map { ($0.tokens.lowerBound, $0.row) })
        func place(_ tokens: Range<Int>) -> KeyPlace {
            guard !tokens.isEmpty else { return KeyPlace(packedRow: 0, gradientRow: 0) }
            return KeyPlace(
                packedRow: packedRows[tokens.lowerBound]!, gradientRow: gradientRows[tokens.lowerBound]!)
        }
        let places = blocks.map { (prefix: place($0.prefix), own: place($0.own)) }
        return Task(
            blocks: blocks, places: places, spans: spans, keyRowCount: rowCount + 16, partialRow: nil,
            pairCount: blocks.reduce(0) { $0 + $1.pairCount })
    }

    /// The sums of partial gradients, from the unit's tasks, that give the gradients of a segment's keys.
    private static func sums(of segment: Range<Int>, _ tasks: [Task]) -> [KeySum] {
        stride(from: segment.lowerBound, to: segment.upperBound, by: keysPerSum).map { start in
            let tokens = start..<min(start + keysPerSum, segment.upperBound)
            // Later tasks see more of a segment.
            let parts = tasks.reversed().compactMap { task -> KeySum.Part? in
                guard let span = task.spans.first(where: { $0.tokens.lowerBound == segment.lowerBound }),
                    span.tokens.upperBound > start
                else { return nil }
                return KeySum.Part(
                    count: min(span.tokens.upperBound, tokens.upperBound) - start,
                    row: span.row + start - segment.lowerBound, keyRowCount: task.keyRowCount,
                    partialRow: task.partialRow!)
            }
            return KeySum(tokens: tokens.prefix(parts.first?.count ?? 0), parts: parts)
        }
    }
}

extension AttentionPlan.Block {
    /// This block with only some of its queries.
    func cut(_ queries: Range<Int>) -> AttentionPlan.Block {
        AttentionPlan.Block(
            queries: queries, prefix: prefix,
            own: own.lowerBound..<(own.upperBound - self.queries.upperBound + queries.upperBound))
    }
}
