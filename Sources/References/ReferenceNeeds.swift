/// The values that objectives read from a reference.
public struct ReferenceNeeds {
    public var logProbabilities = false
    public var distributions = false
    /// Blocks whose hidden states are read.
    public var layers: Set<Int> = []

    public init() {}
}
