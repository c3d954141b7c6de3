// Q queries of a block, P keys of its prefix, W the window.

extension AttentionPlan {
    /// Consecutive query tokens of one segment, and the keys they see.
    ///
    /// A token's place counts from its document's start: the keys of the prefix come first, then the segment. Without a window
    /// a query at place p sees the places 0 to p, with one the last W of them: p − W + 1 to p.
    struct Block: Sendable {
        /// Query tokens on the axis.
        var queries: Range<Int>
        /// The segment's prefix, which lies before all queries; empty without a prefix.
        var prefix: Range<Int>
        /// Keys of the segment itself, up to the block's last query; the triangle at the end is causal.
        var own: Range<Int>
        /// W: keys that a query sees at most, itself included; nil: all before it.
        var window: Int?

        var keyCount: Int { prefix.count + own.count }
        /// The place of the query `token` among the block's keys.
        func place(of token: Int) -> Int { prefix.count + token - own.lowerBound }
        /// Keys that the block's query number `index` sees: as many places, up to its own.
        func visibleKeyCount(query index: Int) -> Int {
            min(place(of: queries.lowerBound) + index + 1, window ?? .max)
        }
        /// The visible (query, key) pairs.
        var pairCount: Int {
            AttentionPlan.visiblePairs(queries: queries.count, prefix: place(of: queries.lowerBound), window: window)
        }

        /// This block with only some of its queries.
        func cut(_ queries: Range<Int>) -> Block {
            Block(
                queries: queries, prefix: prefix,
                own: own.lowerBound..<(own.upperBound - self.queries.upperBound + queries.upperBound), window: window)
        }

        /// The first place that a query `token` sees.
        func firstVisiblePlace(from token: Int) -> Int { window.map { max(0, place(of: token) + 1 - $0) } ?? 0 }

        /// The keys of the prefix and of the segment that some of `queries` see. Each range starts at a multiple of 16 tokens
        /// of its segment, where a panel of packed keys starts, so up to 15 keys in front may be seen by no query.
        func keys(seenFrom queries: Range<Int>) -> (prefix: Range<Int>, own: Range<Int>) {
            let first = firstVisiblePlace(from: queries.lowerBound)
            let own = (own.lowerBound + max(0, first - prefix.count) / 16 * 16)..<queries.upperBound
            let hidden = first < prefix.count ? first / 16 * 16 : prefix.count
            return (prefix.dropFirst(hidden), own)
        }

        /// Whether a query of `queries` does not see all of `keys(seenFrom: queries)` that lie before it.
        func hidesKeys(from queries: Range<Int>) -> Bool {
            guard window != nil else { return false }
            let keys = keys(seenFrom: queries)
            let first = keys.prefix.isEmpty ? place(of: keys.own.lowerBound) : keys.prefix.lowerBound - prefix.lowerBound
            return firstVisiblePlace(from: queries.upperBound - 1) > first
        }
    }

    /// The visible (query, key) pairs of a stretch of `queries` tokens that has `prefix` tokens before it. Every query sees
    /// itself and all tokens before it; with a window, only the last `window` of these.
    public static func visiblePairs(queries: Int, prefix: Int, window: Int?) -> Int {
        let causal = queries * prefix + queries * (queries + 1) / 2
        guard let window else { return causal }
        // A query loses the keys in front of its window: none at first, then one more for each token.
        func triangle(_ count: Int) -> Int { count > 0 ? count * (count + 1) / 2 : 0 }
        return causal - triangle(prefix + queries - window) + triangle(prefix - window)
    }
}
