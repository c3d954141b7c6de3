import Tensors

// J query heads a group, R stacked rows of a piece.

/// Tasks, pieces of queries, tiles of keys.
extension Attention {
    typealias BlockPlace = (prefix: AttentionPlan.KeyPlace, own: AttentionPlan.KeyPlace)

    func runTasks(
        _ plan: AttentionPlan, _ body: (_ task: AttentionPlan.Task, _ group: Int, _ scratch: AttentionScratch) -> Void
    ) {
        workers.run(plan.tasks.count * groupCount) { number, thread in
            let (task, group) = number.quotientAndRemainder(dividingBy: groupCount)
            body(plan.tasks[task], group, scratch[thread])
        }
    }

    func forEachPiece(
        _ task: AttentionPlan.Task,
        _ body: (_ piece: AttentionPiece, _ block: AttentionPlan.Block, _ place: BlockPlace) -> Void
    ) {
        for (block, place) in zip(task.blocks, task.places) {
            for start in stride(from: block.queries.lowerBound, to: block.queries.upperBound, by: sizes.tokenLimit) {
                let tokens = start..<min(start + sizes.tokenLimit, block.queries.upperBound)
                body(AttentionPiece(tokens: tokens, headsPerGroup: headsPerGroup), block, place)
            }
        }
    }

    /// Calls `body` with each tile of keys that a piece sees: first the prefix, then its own segment up to the piece's last
    /// token. `scratch` then has the number of keys that each row sees.
    @inline(__always)
    func forEachTile(
        _ piece: AttentionPiece, _ block: AttentionPlan.Block, _ place: BlockPlace, _ scratch: AttentionScratch,
        _ body: (AttentionTile) -> Void
    ) {
        let keys = block.keys(seenFrom: piece.tokens)
        // Rows that do not see the first tile would keep the sums of an earlier piece.
        let hidesKeys = block.hidesKeys(from: piece.tokens)
        if hidesKeys { scratch.outputs.fill(0) }
        /// - Parameter query: the piece's first token, if the axis went on from `keys` without a gap.
        func cut(_ keys: Range<Int>, _ place: AttentionPlan.KeyPlace, query: Int, isFirst: Bool) {
            guard !keys.isEmpty else { return }
            let tiles = Tiles(keys.count, limit: AttentionSizes.keyLimit)
            for index in 0..<tiles.tileCount {
                let start = keys.lowerBound + tiles[index].lowerBound
                let visible = query - start + 1
                let hidden = hidesKeys ? block.window.map { visible - $0 } : nil
                // The piece's last query has the latest window.
                let hides = hidden.map { $0 + piece.tokens.count > 1 } ?? false
                let tile = AttentionTile(
                    packedRow: start + place.packedOffset, gradientRow: start + place.gradientOffset,
                    keyCount: tiles[index].count, firstVisible: visible, firstHidden: hides ? hidden : nil,
                    headsPerGroup: headsPerGroup, isFirst: isFirst && index == 0 && !hidesKeys, rowCount: piece.rowCount)
                tile.countKeys(scratch)
                body(tile)
            }
        }
        let first = piece.tokens.lowerBound
        cut(keys.prefix, place.prefix, query: block.prefix.upperBound + first - block.own.lowerBound, isFirst: true)
        cut(keys.own, place.own, query: first, isFirst: keys.prefix.isEmpty)
    }
}
