import Settings

/// Everything there is to know of one parameter before it has values. Loading, sharding, the optimizer and export all read it.
public struct ParameterSpecification: Equatable, Sendable {
    public enum Cut: Equatable, Sendable {
        case replicated
        case rows(ShardAxis)
        case columns(ShardAxis)
    }

    /// Hugging Face's name.
    public let name: String
    /// The whole tensor's shape; a vector has one row.
    public let rowCount: Int
    public let columnCount: Int
    public let isVector: Bool
    /// How the tensor ranks share it. Replicated parameters get the same gradient on every tensor rank.
    public let cut: Cut

    /// Norm weights and biases are spared weight decay.
    public var decays: Bool { !isVector }

    /// The shape as a file states it.
    public var shape: [Int] { isVector ? [columnCount] : [rowCount, columnCount] }

    /// Rows and columns that `rank` holds.
    public func part(_ sharding: ModelSharding, rank: Int) -> (rows: Range<Int>, columns: Range<Int>) {
        switch cut {
        case .replicated: (0..<rowCount, 0..<columnCount)
        case .rows(let axis): (sharding.range(of: axis, rank: rank), 0..<columnCount)
        case .columns(let axis): (0..<rowCount, sharding.range(of: axis, rank: rank))
        }
    }
}
