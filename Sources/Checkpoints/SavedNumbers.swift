import Settings
import Tensors

/// Numbers of this rank that a checkpoint saves as one dataset: ranges of one block of memory, one after the other.
public struct SavedNumbers {
    public let name: String
    /// The contiguous block.
    let block: Matrix
    /// The ascending ranges, in floats of the block.
    let ranges: [Range<Int>]

    public init(_ name: String, of block: Matrix, ranges: [Range<Int>]) {
        invariant(
            block.isContiguous && ranges.allSatisfy { $0.lowerBound >= 0 && $0.upperBound <= block.elementCount }, "saved ranges lie in their block")
        self.name = name
        self.block = block
        self.ranges = ranges
    }

    public var count: Int { ranges.reduce(0) { $0 + $1.count } }
}
