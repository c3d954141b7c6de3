import Settings

/// All properties of one parameter, apart from its values. Loading, sharding, the optimizer and export all read it.
public struct ParameterSpecification: Equatable, Sendable {
    /// Initial values of a model that starts at random.
    public enum Initialisation: Equatable, Sendable {
        case normal(standardDeviation: Double)
        case zeros
        case ones
    }

    public enum Cut: Equatable, Sendable {
        case replicated
        case rows(ShardAxis)
        case columns(ShardAxis)
    }

    /// The parameter's name in Hugging Face checkpoints.
    public let name: String
    /// The full tensor's shape; a vector has one row.
    public let rowCount: Int
    public let columnCount: Int
    public let isVector: Bool
    public let initialisation: Initialisation
    /// How the parameter is sharded over the tensor ranks. Replicated parameters get the same gradient on every tensor rank.
    public let cut: Cut

    /// Whether weight decay applies. Norm weights and biases do not decay.
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
