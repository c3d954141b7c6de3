import Settings
import Tensors

extension AttentionPlan {
    /// The same segments and keys with queries at some positions only: attention's output has rows there, the others stay
    /// as they are; keys that no query sees get gradients of zero.
    ///
    /// Positions that follow each other are one stretch of queries, as a completion's are.
    /// - Parameter positions: on the axis, ascending, each once.
    public init(_ segments: [Segment], queriesAt positions: [Int]) {
        var next = positions[...]
        let units = AttentionPlan.units(segments) { segment in
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
