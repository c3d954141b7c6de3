import Datasets
import Kernels
import Model

/// What a step computes, in numbers: made from the records that the trainer is about to take.
public struct StepWorkload: Equatable, Sendable {
    /// A stretch of tokens that see each other causally, and `prefix` earlier ones whole.
    public struct Segment: Hashable, Sendable {
        public var queries: Int
        public var prefix: Int

        public init(queries: Int, prefix: Int = 0) {
            self.queries = queries
            self.prefix = prefix
        }

        /// (query, key) pairs: each query sees the prefix, those before it and itself.
        public var visiblePairs: Int { visiblePairs(window: nil) }

        /// (query, key) pairs in a layer whose queries see at most `window` keys: themselves and those right before them, with
        /// the prefix before the segment.
        public func visiblePairs(window: Int?) -> Int {
            AttentionPlan.visiblePairs(queries: queries, prefix: prefix, window: window)
        }
    }

    public var segments: [Segment]
    /// Stretches of tokens whose hidden rows the head reads: the last block's queries, of the same keys.
    public var scored: [Segment]

    /// Predictions: a shared prompt's last token makes one for each completion.
    public var targetRows = 0

    public init(segments: [Segment] = [], scored: [Segment] = []) {
        self.segments = segments
        self.scored = scored
    }

    public init(_ batch: MicroBatch) {
        self.init()
        add(batch)
    }

    /// Hidden rows that the head reads, each once.
    public var scoredRows: Int { scored.reduce(0) { $0 + $1.queries } }

    /// Each prompt once.
    public var tokens: Int { segments.reduce(0) { $0 + $1.queries } }

    /// Tokens that the last block has an output for: the scored ones, or all where fewer than a sixteenth could be left out.
    public var lastBlockRows: Int { 16 * (tokens - scoredRows) > tokens ? scoredRows : tokens }

    public mutating func add(_ batch: MicroBatch) {
        var positions = ForwardPlan(axis: batch.axis, rows: batch.rows).scoredPositions[...]
        for segment in batch.axis.segments {
            let (range, prefix) = (segment.range, segment.prefix?.count ?? 0)
            segments.append(Segment(queries: range.count, prefix: prefix))
            while let start = positions.first, range.contains(start) {
                var end = start
                while positions.first == end, end < range.upperBound {
                    positions.removeFirst()
                    end += 1
                }
                scored.append(Segment(queries: end - start, prefix: prefix + start - range.lowerBound))
            }
        }
        targetRows += batch.rows.count
    }
}

/// The micro-batches of one optimizer step: `[data rank][micro-batch]`.
public typealias StepWork = [[StepWorkload]]
