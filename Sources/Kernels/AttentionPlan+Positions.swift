import Tensors

extension AttentionPlan {
    /// The same segments and keys with queries at some positions only: attention's output has rows there, the others stay
    /// as they are; keys that no query sees get gradients of zero.
    ///
    /// Positions that follow each other are one stretch of queries, as a completion's are: alone they cost a block each.
    /// - Parameter positions: on the axis, ascending, each once.
    public init(_ segments: [Segment], queriesAt positions: [Int]) {
        var units: [[Block]] = []
        var unitOfPrefix: [Range<Int>: Int] = [:]
        var next = positions[...]
        for segment in segments where !segment.range.isEmpty {
            let prefix = segment.prefix ?? segment.range.lowerBound..<segment.range.lowerBound
            let unit: Int
            if prefix.isEmpty {
                unit = units.count
                unitOfPrefix[segment.range] = unit
                units.append([])
            } else {
                unit = unitOfPrefix[prefix]!
            }
            while let start = next.first, start < segment.range.upperBound {
                precondition(start >= segment.range.lowerBound, "positions are ascending and lie in segments")
                var end = start
                while next.first == end, end < min(start + Self.blockSize, segment.range.upperBound) {
                    next.removeFirst()
                    end += 1
                }
                units[unit].append(Block(queries: start..<end, prefix: prefix, own: segment.range.lowerBound..<end))
            }
        }
        precondition(next.isEmpty, "positions lie on the axis")
        // A unit without a query has nothing to compute.
        self.units = units.filter { !$0.isEmpty }
        maximumKeyCount = units.joined().map(\.keyCount).max() ?? 0
    }
}
