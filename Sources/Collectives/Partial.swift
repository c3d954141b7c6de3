import Tensors

/// A tensor of which every tensor rank holds one summand. It must be all-reduced over the group before use.
///
/// Row-parallel layers return it, so that a forgotten all-reduce does not compile.
public struct Partial: Sendable {
    private let summand: Matrix

    public init(_ summand: Matrix) { self.summand = summand }

    /// The full tensor, with the same bits on every rank of the group, in the summand's memory.
    public consuming func allReduced(over group: some ProcessGroup) throws(CollectiveError) -> Matrix {
        try group.allReduce(summand)
        return summand
    }
}
