import Kernels

/// The values that a forward pass computes besides the scores of its targets.
public struct ForwardRequest {
    /// Losses over whole distributions, and the reference states that they need.
    public var distributions: [DistributionRequest]
    public var references: [String: ReferenceStates]
    /// Blocks whose output is kept at the scored positions.
    public var layers: Set<Int>

    public init(
        distributions: [DistributionRequest] = [], references: [String: ReferenceStates] = [:], layers: Set<Int> = []
    ) {
        self.distributions = distributions
        self.references = references
        self.layers = layers
    }
}
