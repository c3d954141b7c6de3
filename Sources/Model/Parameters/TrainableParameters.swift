import Kernels
import Settings
import Tensors

/// Values and gradients in float32. Each is one flat block of memory in the table's order.
public final class TrainableParameters: ParameterStore {
    public let valueBlock: FlatBlock
    public let gradientBlock: FlatBlock

    /// Copies this rank's shard of every tensor of `source`.
    ///
    /// - Throws: `Failure` when a tensor is missing or has another shape.
    public init(
        _ table: ParameterTable, sharding: ModelSharding, rank: Int, source: some ParameterSource
    ) throws(Failure) {
        valueBlock = FlatBlock(table, sharding: sharding, rank: rank)
        gradientBlock = FlatBlock(table, sharding: sharding, rank: rank)
        for (specification, value) in zip(table.specifications, valueBlock.parts) {
            try source.part(specification, sharding: sharding, rank: rank).upcast(into: value)
        }
    }

    /// By index in the table.
    public var values: [Matrix] { valueBlock.parts }
    public var gradients: [Matrix] { gradientBlock.parts }

    public func weight(_ index: Int) -> WeightView { .floats(values[index]) }
    public func vector(_ index: Int) -> Matrix { values[index] }
    public func gradient(_ index: Int) -> Matrix? { gradients[index] }
}
