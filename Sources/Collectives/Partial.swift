import Tensors

/// A tensor of which every tensor rank holds one summand: not usable until it was all-reduced over the group.
///
/// Row-parallel layers return it, so that a forgotten reduction does not compile.
public struct Partial: Sendable {
    private let summand: Matrix

    public init(_ summand: Matrix) { self.summand = summand }

    /// The whole, the same bits on every rank of the group, in the summand's memory.
    public consuming func allReduced(over group: some ProcessGroup) throws(CollectiveError) -> Matrix {
        try group.allReduce(summand)
        return summand
    }
}
