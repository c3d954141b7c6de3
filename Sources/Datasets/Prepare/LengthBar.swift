/// One bar of a histogram of lengths.
public struct LengthBar: Equatable, Sendable {
    /// Lengths of the records in this bar, in tokens.
    public var lengths: ClosedRange<Int>
    /// The number of records with such a length.
    public var count: Int
}

extension LengthBar {
    /// At most ten bars of equal width. The width is easy to read: 1, 2, 3, 4, 5, 6 or 8 times a power of ten. Empty bars
    /// between others stay.
    ///
    /// - Parameter countByLength: the number of records by length; not empty.
    static func histogram(_ countByLength: [Int: Int]) -> [LengthBar] {
        let (shortest, longest) = (countByLength.keys.min()!, countByLength.keys.max()!)
        func bars(_ width: Int) -> Int { longest / width - shortest / width + 1 }
        var scale = 1
        while bars(scale * 10) > mostBars { scale *= 10 }
        let width = [1, 2, 3, 4, 5, 6, 8, 10].map { $0 * scale }.first { bars($0) <= mostBars }!
        var counts = [Int](repeating: 0, count: bars(width))
        for (length, count) in countByLength { counts[length / width - shortest / width] += count }
        return counts.enumerated().map { index, count in
            let start = (shortest / width + index) * width
            return LengthBar(lengths: start...(start + width - 1), count: count)
        }
    }

    private static let mostBars = 10
}
