import Collectives

/// Gives a model's weights block by block, and takes their gradients.
///
/// The weights of a block are there while `withBlock` runs: resident, or mapped from a file. A store may also make them for that
/// time. The embedding, the final norm and the head are always there.
public protocol ParameterStore: LayerWeightSource {
    /// - Parameter indices: the block's parameters in the table.
    func withBlock<Result>(
        _ indices: Range<Int>, _ body: (LayerWeights) throws(CollectiveError) -> Result
    ) throws(CollectiveError) -> Result
}

extension ParameterStore {
    /// All weights are there at all times.
    public func withBlock<Result>(
        _ indices: Range<Int>, _ body: (LayerWeights) throws(CollectiveError) -> Result
    ) throws(CollectiveError) -> Result {
        try body(LayerWeights(self, indices))
    }
}
