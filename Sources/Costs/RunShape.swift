import Model
import Settings

/// A run in the numbers that its forecast depends on: models, layout, and where ranks lie.
public struct RunShape: Sendable {
    /// A frozen model beside the policy.
    public struct Reference: Sendable {
        public var name: String
        public var model: ModelConfiguration
        /// Of the whole model, in the type that it is held in.
        public var storedByteCount: Int
        /// Nil where it shares the policy's layout.
        public var placement: ReferencePlacement?
        /// Its log-probabilities are read: its head runs.
        public var scores: Bool
        /// Its whole distributions are read: its logits are computed beside the policy's.
        public var teaches: Bool
        /// Blocks whose states are read.
        public var matchedLayerCount: Int
        /// Its values are kept from the first epoch on.
        public var isCached: Bool

        public init(
            name: String, model: ModelConfiguration, storedByteCount: Int, placement: ReferencePlacement? = nil,
            scores: Bool = true, teaches: Bool = false, matchedLayerCount: Int = 0, isCached: Bool = false
        ) {
            self.name = name
            self.model = model
            self.storedByteCount = storedByteCount
            self.placement = placement
            self.scores = scores
            self.teaches = teaches
            self.matchedLayerCount = matchedLayerCount
            self.isCached = isCached
        }

        /// Its weights are widened to float32 before each product.
        public var isWidened: Bool { storedByteCount < 4 * model.parameterCount }
    }

    public var policy: ModelConfiguration
    public var references: [Reference]
    public var layout: ParallelLayout
    public var ranksPerNode: Int
    /// Of a rank.
    public var threads: Int
    public var recompute: Recomputation
    public var zero: ZeroStage
    /// The head goes forward and backward at once, over a panel's logits.
    public var keepsLogits: Bool
    /// Bytes of the whole policy in its file's type, if it is evaluated; nil if it is trained.
    public var frozenPolicyByteCount: Int?

    public init(
        policy: ModelConfiguration, references: [Reference] = [], layout: ParallelLayout, ranksPerNode: Int, threads: Int,
        recompute: Recomputation = .nothing, zero: ZeroStage = .nothing, keepsLogits: Bool = false,
        frozenPolicyByteCount: Int? = nil
    ) {
        self.policy = policy
        self.references = references
        self.layout = layout
        self.ranksPerNode = ranksPerNode
        self.threads = threads
        self.recompute = recompute
        self.zero = zero
        self.keepsLogits = keepsLogits
        self.frozenPolicyByteCount = frozenPolicyByteCount
    }

    public var nodeCount: Int { (layout.rankCount + ranksPerNode - 1) / ranksPerNode }
    /// Nodes that `tensor` neighbouring ranks lie on.
    public func nodes(ofTensor tensor: Int) -> Int { max(1, (tensor + ranksPerNode - 1) / ranksPerNode) }
    /// Nodes that the ranks of a data axis lie on.
    public var nodesOfData: Int { layout.data == 1 ? 1 : min(layout.data, nodeCount) }
}
