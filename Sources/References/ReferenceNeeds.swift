/// What objectives read of a reference.
public struct ReferenceNeeds {
    public var logProbabilities = false
    public var distributions = false
    /// Blocks whose states are read.
    public var layers: Set<Int> = []

    public init() {}
}
