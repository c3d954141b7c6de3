import Tensors

extension AttentionPlan {
    /// Keys `tokens`, packed from row `row` (a multiple of 16) on.
    struct KeySpan: Sendable {
        var tokens: Range<Int>
        var row: Int
    }

    /// The rows of a segment's keys: token t has row t + offset among all packed keys, and among the key gradients of a task.
    struct KeyPlace: Sendable {
        var packedOffset: Int
        var gradientOffset: Int
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
            /// The row of the first key in the task's memory.
            var row: Int
            var keyRowCount: Int
            var partialRow: Int
        }
        var tokens: Range<Int>
        /// At least one. Each covers all of `tokens`.
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

    /// Gives every key one row, unit after unit and segment after segment: one span for each segment's start. Each span begins
    /// at a multiple of 16 rows. With a window it holds only the keys from the first to the last that a query sees.
    static func pack(_ units: [Unit]) -> [Int: KeySpan] {
        var spans: [Int: KeySpan] = [:]
        var row = 0
        for unit in units {
            let seen = unit.blocks[0].window == nil ? nil : keysSeen(by: unit.blocks)
            for segment in unit.segments {
                guard let tokens = seen == nil ? segment : seen?[segment.lowerBound] else { continue }
                spans[segment.lowerBound] = KeySpan(tokens: tokens, row: row)
                row += (tokens.count + 15) / 16 * 16
            }
        }
        return spans
    }

    /// Cuts spans into pieces, in ascending rows.
    static func pieces(of spans: [Int: KeySpan]) -> [KeySpan] {
        spans.values.sorted { $0.row < $1.row }.flatMap { span in
            let (tokens, row) = (span.tokens, span.row)
            return stride(from: 0, to: tokens.count, by: keysPerPack).map { start in
                KeySpan(tokens: tokens.dropFirst(start).prefix(keysPerPack), row: row + start)
            }
        }
    }

    /// For each segment's start the keys from the first to the last that a query sees.
    private static func keysSeen(by blocks: [Block]) -> [Int: Range<Int>] {
        var seen: [Int: Range<Int>] = [:]
        func add(_ tokens: Range<Int>, of segment: Range<Int>) {
            guard !tokens.isEmpty else { return }
            let known = seen[segment.lowerBound] ?? tokens
            seen[segment.lowerBound] = min(known.lowerBound, tokens.lowerBound)..<max(known.upperBound, tokens.upperBound)
        }
        for block in blocks {
            let keys = block.keys(seenFrom: block.queries)
            add(keys.prefix, of: block.prefix)
            add(keys.own, of: block.own)
        }
        return seen
    }

    /// Cuts every unit by its own shape, so that its bits do not depend on other units. Returns the number of partial rows.
    static func cut(_ units: [Unit], packed: [Int: KeySpan], into tasks: inout [Task], keySums: inout [KeySum]) -> Int {
        var rowCount = 0
        for unit in units {
            var parts = parts(of: unit.blocks).map { makeTask($0, packed: packed) }
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

    /// Most rows of gradients of keys, and as many of values, that the tasks of a lone segment hold until they are summed: none
    /// where one task computes the segment.
    ///
    /// The i-th of k tasks with equal numbers of pairs sees the whole prefix and at most √(i/k) of the segment's keys, and
    /// Σ √(i/k) < 2k/3 + 1/2. With a window it sees its own tokens and one window before them. Tasks begin at multiples of 48
    /// tokens, and their keys take whole panels of 16 rows.
    public static func partialRowCount(queries: Int, prefix: Int, visiblePairs: Int, window: Int? = nil) -> Int {
        let tasks = taskCount(visiblePairs: visiblePairs)
        guard tasks > 1 else { return 0 }
        let rounding = tasks * (taskGranularity + 4 * 16)
        let causal = queries * (4 * tasks + 3) / 6 + tasks * prefix
        return rounding + min(causal, queries + tasks * (window ?? causal))
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

    private static func makeTask(_ blocks: [Block], packed: [Int: KeySpan]) -> Task {
        // Blocks that see the same keys share their place: completions share their prompt's keys, stretches their segment's
        // keys.
        var spans: [KeySpan] = []
        var offsets: [Int: Int] = [:]
        var rowCount = 0
        for (start, tokens) in keysSeen(by: blocks).sorted(by: { $0.key < $1.key }) {
            spans.append(KeySpan(tokens: tokens, row: rowCount))
            offsets[start] = rowCount - tokens.lowerBound
            rowCount += (tokens.count + 15) / 16 * 16
        }
        func place(_ segment: Range<Int>) -> KeyPlace {
            guard let offset = offsets[segment.lowerBound], let span = packed[segment.lowerBound] else {
                return KeyPlace(packedOffset: 0, gradientOffset: 0)
            }
            return KeyPlace(packedOffset: span.row - span.tokens.lowerBound, gradientOffset: offset)
        }
        let places = blocks.map { (prefix: place($0.prefix), own: place($0.own)) }
        return Task(
            blocks: blocks, places: places, spans: spans, keyRowCount: rowCount + 16, partialRow: nil,
            pairCount: blocks.reduce(0) { $0 + $1.pairCount })
    }

    /// The sums of partial gradients, from the unit's tasks, that give the gradients of a segment's keys.
    private static func sums(of segment: Range<Int>, _ tasks: [Task]) -> [KeySum] {
        // Later tasks see later keys of a segment.
        let seen = tasks.reversed().compactMap { task in
            task.spans.first { segment.contains($0.tokens.lowerBound) }.map { (task: task, span: $0) }
        }
        // Cut where a task begins or ceases to see keys, so that each part covers whole sums.
        let edges = seen.flatMap { [$0.span.tokens.lowerBound, $0.span.tokens.upperBound] }
        let starts = Set(edges + stride(from: segment.lowerBound, to: segment.upperBound, by: keysPerSum)).sorted()
        return zip(starts, starts.dropFirst() + [segment.upperBound]).compactMap { start, end in
            let parts = seen.filter { $0.span.tokens.contains(start) }.map { task, span in
                KeySum.Part(
                    row: span.row + start - span.tokens.lowerBound, keyRowCount: task.keyRowCount, partialRow: task.partialRow!)
            }
            return parts.isEmpty ? nil : KeySum(tokens: start..<end, parts: parts)
        }
    }
}
