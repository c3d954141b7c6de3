import Settings
import Tensors

extension AttentionPlan {
    /// A plan with queries at `positions` only. Attention writes the output rows of these positions and leaves other rows
    /// unchanged. Keys that no query sees get gradients of zero.
    ///
    /// Consecutive positions, such as those of a completion, are one stretch of queries.
    /// - Parameters:
    ///   - positions: on the axis, ascending, each once.
    ///   - window: keys that a query sees at most, as in a plan of all tokens.
    public init(_ segments: [Segment], queriesAt positions: [Int], window: Int? = nil) {
        var next = positions[...]
        let units = AttentionPlan.units(segments, window: window) { segment in
            var stretches: [Range<Int>] = []
            while let start = next.first, start < segment.upperBound {
                invariant(start >= segment.lowerBound, "positions are ascending and lie in segments")
                var end = start
                while next.first == end, end < segment.upperBound {
                    next.removeFirst()
                    end += 1
                }
                stretches.append(start..<end)
            }
            return stretches
        }
        invariant(next.isEmpty, "positions lie on the axis")
        self.init(units: units)
    }
}
